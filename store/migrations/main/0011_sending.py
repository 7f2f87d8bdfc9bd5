"""Several channels, each with its failures, tokens and spending; the steps of a message; the pace of one number."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, SqliteDatabase

INDEXES = (
    "CREATE INDEX message_case ON message (case_id) WHERE case_id IS NOT NULL",
    "CREATE INDEX message_dead ON message (id) "
    "WHERE state IN ('rejected', 'expired', 'unknown', 'undeliverable', 'withheld')",
)
COLUMNS = {
    "citizen": (
        ("blocked_at", "BIGINT"),
        ("texted_at", "BIGINT"),
        ("texts_day", "VARCHAR(10)"),
        ("texts", "SMALLINT NOT NULL DEFAULT 0"),
    ),
    "message": (
        ("channel", "VARCHAR(24)"),
        ("tried", "VARCHAR(120)"),
    ),
    "channel": (
        ("failures", "INTEGER NOT NULL DEFAULT 0"),
        ("failed_at", "BIGINT"),
        ("alerted_at", "BIGINT"),
        ("tokens", "REAL"),
        ("counted_at", "BIGINT"),
        ("slowed_to", "REAL"),
        ("slowed_at", "BIGINT"),
    ),
}


def up(migrator, db):
    class Message(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "message"

    class MessageStep(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        message = ForeignKeyField(Message, on_delete="CASCADE", index=False)
        state = CharField(max_length=16)
        at = BigIntegerField()
        channel = CharField(max_length=24, null=True)
        detail = CharField(max_length=60, null=True)

        class Meta:
            database = db
            table_name = "message_step"
            indexes = ((("message", "at"), False),)

    class Spend(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        day = CharField(max_length=10)
        channel = CharField(max_length=24)
        messages = IntegerField(default=0)
        segments = IntegerField(default=0)
        cost = BigIntegerField(default=0)
        currency = CharField(max_length=3, null=True)

        class Meta:
            database = db
            table_name = "spend"
            indexes = ((("day", "channel"), True),)

    db.create_tables([MessageStep, Spend])
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            known = kind.replace("BIGINT", "INTEGER").replace("SMALLINT", "INTEGER")  # SQLite has one kind of integer
            chosen = known if isinstance(db, SqliteDatabase) else kind
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {name} {chosen}")
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    for statement in INDEXES:
        db.execute_sql(f"DROP INDEX {statement.split()[2]}")
    for table, columns in COLUMNS.items():
        for name, _ in columns:
            db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {name}")
    migrator.migrate(migrator.drop_table("spend"))
    migrator.migrate(migrator.drop_table("message_step"))
