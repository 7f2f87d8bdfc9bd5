"""PINs of secret cases and wrong tries at them; cases of which no SMS may tell."""

from peewee import BigIntegerField, BlobField, CharField, ForeignKeyField, Model, SqliteDatabase


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

    class CasePin(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        case = ForeignKeyField(Case, on_delete="RESTRICT", unique=True)
        sealed = BlobField()

        class Meta:
            database = db
            table_name = "case_pin"

    class PinAttempt(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        number_index = CharField(max_length=32)
        at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "pin_attempt"
            indexes = ((("citizen", "at"), False), (("number_index", "at"), False))

    db.create_tables([CasePin, PinAttempt])
    kind = "INTEGER" if isinstance(db, SqliteDatabase) else "SMALLINT"  # SQLite has one kind of integer
    db.execute_sql(f"ALTER TABLE cases ADD COLUMN silent {kind}")


def down(migrator, db):
    db.execute_sql("ALTER TABLE cases DROP COLUMN silent")
    migrator.migrate(migrator.drop_table("pin_attempt"))
    migrator.migrate(migrator.drop_table("case_pin"))
