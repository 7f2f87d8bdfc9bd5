"""The anchor of the history (checkpoints), what was erased, and how far the daily look for what is too old has come."""

from peewee import BigIntegerField, BlobField, CharField, ForeignKeyField, IntegerField, Model, TextField


def up(migrator, db):
    class Citizen(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "citizen"

    class Checkpoint(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        seq = IntegerField()
        until_id = CharField(max_length=32)
        events = IntegerField()
        leaves = BlobField()
        root = CharField(max_length=64)
        previous = CharField(max_length=64)
        sealed_at = BigIntegerField()
        key_id = CharField(max_length=32)
        signature = CharField(max_length=128)

        class Meta:
            database = db
            table_name = "checkpoint"
            indexes = ((("node", "seq"), True),)

    class Erasure(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", unique=True)
        reason = CharField(max_length=16)
        actor = CharField(max_length=40)
        erased_at = BigIntegerField()
        rows = TextField()

        class Meta:
            database = db
            table_name = "erasure"

    class RetentionPass(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        kind = CharField(max_length=16, unique=True)
        after_id = CharField(max_length=32, default="")
        ended_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "retention_pass"

    db.create_tables([Checkpoint, Erasure, RetentionPass])
    db.execute_sql("CREATE INDEX message_kept ON message (id) WHERE length(body) > 0")


def down(migrator, db):
    db.execute_sql("DROP INDEX message_kept")
    for table in ("retention_pass", "erasure", "checkpoint"):
        migrator.migrate(migrator.drop_table(table))
