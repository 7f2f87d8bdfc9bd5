"""What offices said of cases, row by row: so that nothing is done twice, and what cannot be done yet is kept."""

from peewee import BigIntegerField, BlobField, CharField, ForeignKeyField, IntegerField, Model

INDEXES = (
    "CREATE INDEX update_row_waiting ON update_row (held_until) WHERE state = 'waiting'",
    "CREATE INDEX update_row_review ON update_row (agency, id) WHERE state = 'review'",
    "CREATE INDEX update_row_case ON update_row (case_id) WHERE state IN ('waiting', 'review')",
)


def up(migrator, db):
    class Case(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "cases"

    class UpdateRow(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        update_id = CharField(max_length=64)
        fingerprint = CharField(max_length=64)
        case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
        kind = CharField(max_length=12)
        file = CharField(max_length=64)
        row_no = IntegerField()
        status = CharField(max_length=24, null=True)
        state = CharField(max_length=12)
        occurred_at = BigIntegerField()
        received_at = BigIntegerField()
        held_until = BigIntegerField(null=True)
        seen = IntegerField(null=True)
        payload = BlobField(null=True)

        class Meta:
            database = db
            table_name = "update_row"
            indexes = ((("agency", "update_id"), True),)

    db.create_tables([UpdateRow])
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    migrator.migrate(migrator.drop_table("update_row"))
