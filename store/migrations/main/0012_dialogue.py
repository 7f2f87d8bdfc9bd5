"""Cases whose words sound secret: no SMS names them. When a citizen was last told that their network blocks our SMS."""

from peewee import SqliteDatabase


def up(migrator, db):
    short, long = ("INTEGER", "INTEGER") if isinstance(db, SqliteDatabase) else ("SMALLINT", "BIGINT")
    db.execute_sql(f"ALTER TABLE cases ADD COLUMN guarded {short}")  # NULL: no
    db.execute_sql(f"ALTER TABLE citizen ADD COLUMN blocked_told_at {long}")


def down(migrator, db):
    db.execute_sql("ALTER TABLE citizen DROP COLUMN blocked_told_at")
    db.execute_sql("ALTER TABLE cases DROP COLUMN guarded")
