"""How far each channel that can be polled was read."""

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator, db):
    class PollCursor(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        channel = CharField(max_length=24, unique=True)
        cursor = TextField()
        polled_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "poll_cursor"

    db.create_tables([PollCursor])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("poll_cursor"))
