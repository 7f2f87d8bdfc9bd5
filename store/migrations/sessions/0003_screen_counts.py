"""Where citizens give up: counts by screen, without anybody in them; and when to look whether a session was dropped."""

from peewee import BigIntegerField, CharField, DoubleField, IntegerField, Model


def up(migrator, db):
    class ScreenCount(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        day = CharField(max_length=10)
        screen = CharField(max_length=40)
        language = CharField(max_length=8)
        shown = IntegerField()
        answered = IntegerField()
        dropped = IntegerField()
        ended = IntegerField()
        seconds = DoubleField()

        class Meta:
            database = db
            table_name = "screen_count"
            indexes = ((("day", "screen", "language", "node"), True),)

    db.create_tables([ScreenCount])
    migrator.migrate(migrator.add_column("ussd_session", "look_at", BigIntegerField(null=True, index=True)))


def down(migrator, db):
    db.execute_sql("DROP INDEX ussd_session_look_at")  # SQLite drops no column that an index is made of
    migrator.migrate(migrator.drop_column("ussd_session", "look_at"), migrator.drop_table("screen_count"))
