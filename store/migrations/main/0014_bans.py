"""Numbers that are not listened to for a while, senders that are no phone, and who texted the same words."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model

INDEXES = (
    "CREATE INDEX sms_ban_citizen ON sms_ban (citizen_id, made_at)",
    "CREATE INDEX sms_ban_until ON sms_ban (until)",
    "CREATE INDEX message_held ON message (citizen_id, id) WHERE state = 'held'",
)


def up(migrator, db):
    class Citizen(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "citizen"

    class Ban(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        why = CharField(max_length=120)
        made_by = CharField(max_length=40)
        made_at = BigIntegerField()
        until = BigIntegerField()
        lifted_at = BigIntegerField(null=True)
        lifted_by = CharField(max_length=40, null=True)

        class Meta:
            database = db
            table_name = "sms_ban"

    class SameWords(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        words = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        said_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "same_words"
            indexes = ((("words", "citizen"), True),)

    class Stranger(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        provider = CharField(max_length=24)
        sender = CharField(max_length=20)
        day = CharField(max_length=10)
        texts = IntegerField()
        last_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "stranger"
            indexes = ((("day", "provider", "sender"), True),)

    db.create_tables([Ban, SameWords, Stranger])
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    db.execute_sql("DROP INDEX message_held")
    for table in ("stranger", "same_words", "sms_ban"):
        migrator.migrate(migrator.drop_table(table))
