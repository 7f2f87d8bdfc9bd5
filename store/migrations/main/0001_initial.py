"""The door opens: citizens, cases and their events, messages, packs. Times are whole microseconds since 1970, UTC."""

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)


def up(migrator, db):
    class Citizen(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        msisdn_index = CharField(unique=True, max_length=32)
        msisdn = BlobField()
        data_key = BlobField(null=True)
        language = CharField(null=True, max_length=8)
        place = CharField(null=True, max_length=40)
        stopped_at = BigIntegerField(null=True)
        created_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "citizen"

    class Case(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        ref = CharField(unique=True, max_length=9)
        source_key = CharField(unique=True, max_length=160)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        channel = CharField(max_length=16)
        language = CharField(max_length=8)
        visibility = CharField(max_length=12)
        category = CharField(null=True, max_length=40)
        sub = CharField(null=True, max_length=60)
        place = CharField(null=True, max_length=40)
        ward = CharField(null=True, max_length=12)
        constituency = CharField(null=True, max_length=12)
        county = CharField(null=True, max_length=12)
        agency = CharField(max_length=24)
        state = CharField(max_length=24)
        state_since = BigIntegerField()
        cycle = SmallIntegerField(default=1)
        version = IntegerField(default=1)
        events = IntegerField(default=0)
        chain = CharField(max_length=64, default="")
        pack_version = CharField(max_length=64)
        received_at = BigIntegerField()
        due_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "cases"
            indexes = ((("citizen", "received_at"), False),)

    class CaseEvent(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
        seq = IntegerField()
        kind = CharField(max_length=24)
        role = CharField(max_length=16)
        actor = CharField(null=True, max_length=40)
        source = CharField(max_length=16)
        source_key = CharField(unique=True, null=True, max_length=160)
        occurred_at = BigIntegerField()
        recorded_at = BigIntegerField()
        facts = TextField()
        words = BlobField(null=True)
        previous = CharField(max_length=64)
        hash = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "case_event"
            indexes = ((("case", "node", "seq"), True),)

    class CaseNumber(Model):
        id = CharField(primary_key=True, max_length=9)
        node = CharField(max_length=32)

        class Meta:
            database = db
            table_name = "case_number"

    class Channel(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        name = CharField(unique=True, max_length=24)
        paused_until = BigIntegerField(null=True)
        reason = TextField(null=True)

        class Meta:
            database = db
            table_name = "channel"

    class DeliveryReport(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        provider = CharField(max_length=24)
        provider_id = CharField(max_length=80)
        state = CharField(max_length=16)
        raw_status = CharField(max_length=60)
        reason = CharField(null=True, max_length=120)
        received_at = BigIntegerField()
        matched_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "delivery_report"

    class HandsetMessage(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        sender = CharField(max_length=20)
        text = BlobField()
        segments = SmallIntegerField()
        sent_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "handset_message"
            indexes = ((("citizen", "sent_at"), False),)

    class Message(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        direction = CharField(max_length=2)
        state = CharField(max_length=16)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        case = ForeignKeyField(Case, null=True, on_delete="RESTRICT", index=False)
        body = BlobField()
        created_at = BigIntegerField()
        provider = CharField(null=True, max_length=24)
        provider_id = CharField(null=True, max_length=80)
        short_code = CharField(null=True, max_length=20)
        attempts = SmallIntegerField(default=0)
        handled_at = BigIntegerField(null=True)
        lane = SmallIntegerField(null=True)
        template = CharField(null=True, max_length=40)
        language = CharField(null=True, max_length=8)
        due_at = BigIntegerField(null=True)
        expires_at = BigIntegerField(null=True)
        lease = IntegerField(null=True)
        resent = BooleanField(default=False)
        sent = BlobField(null=True)
        segments = SmallIntegerField(null=True)
        cost = CharField(null=True, max_length=24)
        error = CharField(null=True, max_length=120)
        sent_at = BigIntegerField(null=True)
        settled_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "message"

    class PackVersion(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        pack = CharField(max_length=8)
        version = CharField(max_length=64)
        content = BlobField()
        loaded_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "pack_version"

    class SmsQuestion(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
        case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
        kind = CharField(max_length=12)
        options = TextField(null=True)
        asked_at = BigIntegerField()
        answered_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "sms_question"
            indexes = ((("citizen", "asked_at"), False),)

    class Tick(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        count = IntegerField()
        beaten_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "tick"

    db.create_tables(
        [
            Citizen,
            Case,
            CaseEvent,
            CaseNumber,
            Channel,
            DeliveryReport,
            HandsetMessage,
            Message,
            PackVersion,
            SmsQuestion,
            Tick,
        ]
    )
    db.execute_sql("CREATE INDEX message_ready ON message (lane, due_at, id) WHERE state = 'queued'")
    db.execute_sql("CREATE INDEX message_leased ON message (lease) WHERE lease IS NOT NULL")
    db.execute_sql(
        "CREATE INDEX message_awaited ON message (sent_at) WHERE state IN ('sending', 'submitted', 'buffered')"
    )
    db.execute_sql("CREATE UNIQUE INDEX message_mo ON message (provider, provider_id) WHERE direction = 'mo'")
    db.execute_sql("CREATE INDEX message_mt ON message (provider, provider_id) WHERE direction = 'mt'")
    db.execute_sql(
        "CREATE INDEX message_unhandled ON message (created_at) WHERE direction = 'mo' AND state = 'received'"
    )
    db.execute_sql("CREATE INDEX message_citizen ON message (citizen_id, created_at)")
    db.execute_sql("CREATE INDEX delivery_report_message ON delivery_report (provider, provider_id)")
    db.execute_sql("CREATE INDEX delivery_report_unmatched ON delivery_report (received_at) WHERE matched_at IS NULL")


def down(migrator, db):
    migrator.migrate(migrator.drop_table("tick"))
    migrator.migrate(migrator.drop_table("sms_question"))
    migrator.migrate(migrator.drop_table("pack_version"))
    migrator.migrate(migrator.drop_table("message"))
    migrator.migrate(migrator.drop_table("handset_message"))
    migrator.migrate(migrator.drop_table("delivery_report"))
    migrator.migrate(migrator.drop_table("channel"))
    migrator.migrate(migrator.drop_table("case_number"))
    migrator.migrate(migrator.drop_table("case_event"))
    migrator.migrate(migrator.drop_table("cases"))
    migrator.migrate(migrator.drop_table("citizen"))
