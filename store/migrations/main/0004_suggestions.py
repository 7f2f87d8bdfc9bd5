"""What is suggested for free text and what was decided; sketches by which cases near each other are compared."""

from peewee import BigIntegerField, BlobField, BooleanField, CharField, FloatField, ForeignKeyField, Model, TextField

OPEN = "state NOT IN ('resolved', 'closed', 'rejected', 'duplicate', 'withdrawn')"


def up(migrator, db):
    class Case(Model):
        id = CharField(primary_key=True, max_length=32)

        class Meta:
            database = db
            table_name = "cases"

    class Suggestion(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        case = ForeignKeyField(Case, on_delete="RESTRICT")
        kind = CharField(max_length=24)
        made_at = BigIntegerField()
        pack_version = CharField(max_length=64)
        category = CharField(max_length=40, null=True)
        sub = CharField(max_length=60, null=True)
        place = CharField(max_length=40, null=True)
        urgent = BooleanField()
        sensitive = BooleanField()
        language = CharField(max_length=8, null=True)
        score = FloatField()
        because = TextField()
        decided_sub = CharField(max_length=60, null=True)
        decided_place = CharField(max_length=40, null=True)
        decided_by = CharField(max_length=16, null=True)
        decided_at = BigIntegerField(null=True)
        agreed = BooleanField(null=True)

        class Meta:
            database = db
            table_name = "suggestion"

    class CaseSketch(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        case = ForeignKeyField(Case, on_delete="RESTRICT", unique=True)
        sketch = BlobField()
        made_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "case_sketch"

    db.create_tables([Suggestion, CaseSketch])
    # people name the estate they live in, whose ward nobody may know
    db.execute_sql(
        f"CREATE INDEX cases_nearby_place ON cases (place, category, received_at) WHERE ward IS NULL AND {OPEN}"
    )


def down(migrator, db):
    db.execute_sql("DROP INDEX cases_nearby_place")
    migrator.migrate(migrator.drop_table("case_sketch"))
    migrator.migrate(migrator.drop_table("suggestion"))
