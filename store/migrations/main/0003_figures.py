"""Figures: amounts by measure, day and dimensions, and up to which event they are counted.

On SQLite a figure lives in its index alone (WITHOUT ROWID): half the room, and nothing to look up twice.
"""

from peewee import (
    AutoField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
)


def up(migrator, db):
    class Tally(Model):
        id = IntegerField(primary_key=True)
        node = CharField(max_length=32)
        in_force = BooleanField(default=False)
        event = CharField(max_length=32, default="")
        events = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "tally"

    class FigureDims(Model):
        id = AutoField()
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        county = CharField(max_length=12)
        place = CharField(max_length=12)
        category = CharField(max_length=40)
        channel = CharField(max_length=16)
        language = CharField(max_length=8)

        class Meta:
            database = db
            table_name = "figure_dims"
            indexes = ((("agency", "county", "place", "category", "channel", "language"), True),)

    class Figure(Model):
        tally = ForeignKeyField(Tally, on_delete="RESTRICT", index=False)
        node = CharField(max_length=32)
        measure = CharField(max_length=20)
        day = CharField(max_length=10)
        dims = ForeignKeyField(FigureDims, on_delete="RESTRICT", index=False)
        grade = IntegerField()
        amount = IntegerField()

        class Meta:
            database = db
            table_name = "figure"
            primary_key = CompositeKey("tally", "measure", "day", "dims", "grade")
            without_rowid = isinstance(db, SqliteDatabase)

    db.create_tables([Tally, FigureDims, Figure])
    db.execute_sql("CREATE INDEX figure_nothing ON figure (tally_id) WHERE amount = 0")


def down(migrator, db):
    migrator.migrate(migrator.drop_table("figure"))
    migrator.migrate(migrator.drop_table("figure_dims"))
    migrator.migrate(migrator.drop_table("tally"))
