"""The exchange with offices: what each is to hear, the files there and back, their turns, their links, their names."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, SmallIntegerField, TextField

INDEXES = (
    "CREATE INDEX feed_waiting ON feed (agency, id) WHERE file_id IS NULL",
    "CREATE INDEX feed_file ON feed (file_id, id) WHERE file_id IS NOT NULL",
    "CREATE UNIQUE INDEX exchange_file_seq ON exchange_file (agency, seq) WHERE direction = 'out' AND kind = 'events'",
    "CREATE INDEX exchange_file_undelivered ON exchange_file (agency, id) WHERE direction = 'out' AND state = 'made'",
    "CREATE INDEX exchange_file_kept ON exchange_file (made_at) WHERE removed_at IS NULL",
    "CREATE INDEX exchange_slot_open ON exchange_slot (due_at) WHERE state IN ('due', 'running')",
)


def up(migrator, db):
    class Case(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "cases"

    class FeedRow(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
        seq = IntegerField()
        kind = CharField(max_length=24)
        snapshot = TextField()
        recorded_at = BigIntegerField()
        file_id = CharField(max_length=32, null=True)

        class Meta:
            database = db
            table_name = "feed"

    class ExchangeFile(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        direction = CharField(max_length=3)
        kind = CharField(max_length=12)
        agency = CharField(max_length=24)
        name = CharField(max_length=200)
        seq = IntegerField(null=True)
        day = CharField(max_length=10, null=True)
        sha256 = CharField(max_length=64, null=True)
        previous = CharField(max_length=64, null=True)
        rows = IntegerField()
        bytes = BigIntegerField()
        state = CharField(max_length=12)
        accepted = IntegerField()
        doubled = IntegerField()
        rejected = IntegerField()
        waiting = IntegerField()
        attempts = IntegerField()
        retry_at = BigIntegerField(null=True)
        error = TextField(null=True)
        made_at = BigIntegerField()
        delivered_at = BigIntegerField(null=True)
        removed_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "exchange_file"
            indexes = ((("agency", "direction", "name"), True),)

    class ExchangeSlot(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        slot = CharField(max_length=40)
        state = CharField(max_length=12)
        due_at = BigIntegerField()
        lease = IntegerField(null=True)
        attempts = SmallIntegerField()
        started_at = BigIntegerField(null=True)
        done_at = BigIntegerField(null=True)
        error = TextField(null=True)

        class Meta:
            database = db
            table_name = "exchange_slot"
            indexes = ((("agency", "slot"), True),)

    class ExchangeLink(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24, unique=True)
        last_ok_at = BigIntegerField(null=True)
        failing_since = BigIntegerField(null=True)
        failures = IntegerField()
        retry_at = BigIntegerField(null=True)
        error = TextField(null=True)
        alerted_at = BigIntegerField(null=True)
        in_seq = IntegerField(null=True)
        gaps = TextField()
        cursor = TextField(null=True)

        class Meta:
            database = db
            table_name = "exchange_link"

    class ExternalRef(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
        ref = CharField(max_length=120)

        class Meta:
            database = db
            table_name = "external_ref"
            indexes = ((("agency", "case"), True), (("agency", "ref"), False))

    db.create_tables([FeedRow, ExchangeFile, ExchangeSlot, ExchangeLink, ExternalRef])
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    for table in ("external_ref", "exchange_link", "exchange_slot", "exchange_file", "feed"):
        migrator.migrate(migrator.drop_table(table))
