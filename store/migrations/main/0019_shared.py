"""Whether an officer lets the words of a case in confidence go into the files of its office."""

from peewee import SmallIntegerField


def up(migrator, db):
    migrator.migrate(migrator.add_column("cases", "shared", SmallIntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("cases", "shared"))
