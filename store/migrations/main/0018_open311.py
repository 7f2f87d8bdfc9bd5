"""Keys of those who send requests over Open311, and the order in which public cases and their news are asked for."""

from peewee import BigIntegerField, CharField, IntegerField, Model

PUBLIC = "WHERE visibility = 'public' AND guarded IS NULL"
OPEN = "state NOT IN ('resolved', 'closed', 'rejected', 'duplicate', 'withdrawn')"
UNTOLD = "kind NOT IN ('lodge', 'classify', 'triage', 'add_words', 'note', 'remind', 'rate', 'escalate')"
INDEXES = {
    "cases_published": f"cases (received_at, id) {PUBLIC}",
    "cases_published_open": f"cases (received_at, id) {PUBLIC} AND {OPEN}",
    "cases_published_sub": f"cases (sub, received_at, id) {PUBLIC}",
    "case_event_told": f"case_event (recorded_at, id) WHERE {UNTOLD}",
}


def up(migrator, db):
    class Key(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        client = CharField(max_length=24)
        digest = CharField(max_length=64, unique=True)
        scopes = CharField(max_length=40)
        per_minute = IntegerField()
        made_at = BigIntegerField()
        made_by = CharField(max_length=40)
        revoked_at = BigIntegerField(null=True)
        revoked_by = CharField(max_length=40, null=True)

        class Meta:
            database = db
            table_name = "open311_key"

    db.create_tables([Key])
    for name, over in INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON {over}")


def down(migrator, db):
    for name in INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    migrator.migrate(migrator.drop_table("open311_key"))
