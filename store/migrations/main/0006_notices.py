"""Notices on the first screen, by area."""

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator, db):
    class Notice(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        area = CharField(max_length=12)
        text = TextField()
        from_at = BigIntegerField()
        until_at = BigIntegerField(index=True)
        made_by = CharField(max_length=40)
        made_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "notice"

    db.create_tables([Notice])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("notice"))
