"""Cases whose citizens were erased, and whose files may still lie in the folder of an office."""

from peewee import BigIntegerField, CharField, Model


def up(migrator, db):
    class Erasing(Model):
        id = CharField(primary_key=True, max_length=32)
        node = CharField(max_length=32)
        agency = CharField(max_length=24)
        ref = CharField(max_length=9)
        since = BigIntegerField()
        until = BigIntegerField()
        looked_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "erasing"
            indexes = ((("agency", "ref"), True),)

    db.create_tables([Erasing])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("erasing"))
