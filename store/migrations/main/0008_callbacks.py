"""Calls that citizens asked for: one open at a time for each of them."""

from peewee import BigIntegerField, CharField, ForeignKeyField, Model, SmallIntegerField

INDEXES = (
    "CREATE UNIQUE INDEX callback_open ON callback (citizen_id) WHERE done_at IS NULL",
    "CREATE INDEX callback_waiting ON callback (tries, due_at) WHERE done_at IS NULL",
)


def up(migrator, db):
    class Citizen(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "citizen"

    class Case(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "cases"

    class Callback(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        case = ForeignKeyField(Case, null=True, on_delete="RESTRICT", index=False)
        about = CharField(max_length=8)
        asked_at = BigIntegerField()
        due_at = BigIntegerField()
        tries = SmallIntegerField(default=0)
        done_at = BigIntegerField(null=True)
        outcome = CharField(null=True, max_length=12)

        class Meta:
            database = db
            table_name = "callback"
            indexes = ((("citizen", "asked_at"), False),)

    db.create_tables([Callback])
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    migrator.migrate(migrator.drop_table("callback"))
