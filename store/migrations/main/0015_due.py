"""Cases that are due at the same moment are found in order without sorting them all: the index has their ids, too."""

INDEX = "CREATE INDEX cases_due ON cases ({}) WHERE next_at IS NOT NULL"


def up(migrator, db):
    db.execute_sql("DROP INDEX cases_due")
    db.execute_sql(INDEX.format("next_at, id"))


def down(migrator, db):
    db.execute_sql("DROP INDEX cases_due")
    db.execute_sql(INDEX.format("next_at"))
