"""Whose sessions: they are looked for when a citizen is erased, and before one is let go."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX ussd_session_citizen ON ussd_session (citizen_id)")


def down(migrator, db):
    db.execute_sql("DROP INDEX ussd_session_citizen")
