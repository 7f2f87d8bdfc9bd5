"""USSD sessions."""

from peewee import BigIntegerField, BlobField, CharField, IntegerField, Model, SmallIntegerField


def up(migrator, db):
    class UssdSession(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        session = CharField(max_length=160)
        ordinal = SmallIntegerField()
        citizen_id = CharField(max_length=32)
        turn = IntegerField()
        sealed = BlobField()
        resumable = SmallIntegerField()
        ended = CharField(null=True, max_length=12)
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "ussd_session"
            indexes = ((("session", "citizen_id", "ordinal"), True),)

    db.create_tables([UssdSession])
    db.execute_sql("CREATE INDEX ussd_session_resumable ON ussd_session (citizen_id, updated_at) WHERE resumable = 1")
    db.execute_sql("CREATE INDEX ussd_session_age ON ussd_session (updated_at)")


def down(migrator, db):
    migrator.migrate(migrator.drop_table("ussd_session"))
