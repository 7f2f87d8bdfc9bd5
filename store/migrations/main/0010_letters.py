"""How a citizen wants the letters of their language in SMS: NULL as fits best, plain, or with their marks."""

from peewee import CharField


def up(migrator, db):
    migrator.migrate(migrator.add_column("citizen", "letters", CharField(max_length=8, null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("citizen", "letters"))
