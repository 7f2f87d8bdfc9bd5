"""The case has clocks, an owner, followers and a decision. Cases that exist get the clock that they were promised."""

from peewee import SqliteDatabase

COLUMNS = (
    ("owner", "VARCHAR(40)"),
    ("about", "VARCHAR(24)"),
    ("queue", "VARCHAR(12)"),
    ("priority", "VARCHAR(8) NOT NULL DEFAULT 'normal'"),
    ("master", "VARCHAR(32)"),
    ("followers", "INTEGER NOT NULL DEFAULT 0"),
    ("repeats", "SMALLINT NOT NULL DEFAULT 0"),
    ("calendar", "VARCHAR(24) NOT NULL DEFAULT '24x7'"),
    ("resolve_minutes", "INTEGER NOT NULL DEFAULT 0"),
    ("clock_start", "BIGINT NOT NULL DEFAULT 0"),
    ("paused_at", "BIGINT"),
    ("paused_minutes", "INTEGER NOT NULL DEFAULT 0"),
    ("acknowledge_by", "BIGINT NOT NULL DEFAULT 0"),
    ("respond_by", "BIGINT NOT NULL DEFAULT 0"),
    ("acknowledged_at", "BIGINT"),
    ("responded_at", "BIGINT"),
    ("escalation", "SMALLINT NOT NULL DEFAULT 0"),
    ("next_at", "BIGINT"),
    ("next_step", "VARCHAR(12)"),
    ("decided_at", "BIGINT"),
    ("decided_by", "VARCHAR(40)"),
    ("outcome", "VARCHAR(20)"),
    ("reminded_at", "BIGINT"),
    ("reopens", "SMALLINT NOT NULL DEFAULT 0"),
    ("appealed", "SMALLINT NOT NULL DEFAULT 0"),
    ("rating", "SMALLINT"),
)
OPEN = "state NOT IN ('resolved', 'closed', 'rejected', 'duplicate', 'withdrawn')"
INDEXES = (
    "CREATE INDEX cases_master ON cases (master)",
    "CREATE INDEX cases_due ON cases (next_at) WHERE next_at IS NOT NULL",
    f"CREATE INDEX cases_worklist ON cases (agency, owner, due_at) WHERE {OPEN}",
    "CREATE INDEX cases_known ON cases (ward, sub) WHERE followers > 0",
    f"CREATE INDEX cases_nearby ON cases (ward, category, received_at) WHERE {OPEN}",
    "CREATE INDEX cases_queue ON cases (queue, received_at) WHERE queue IS NOT NULL",
)


def up(migrator, db):
    for name, kind in COLUMNS:
        known = kind.replace("BIGINT", "INTEGER").replace("SMALLINT", "INTEGER")  # SQLite has one kind of integer
        db.execute_sql(f"ALTER TABLE cases ADD COLUMN {name} {known if isinstance(db, SqliteDatabase) else kind}")
    db.execute_sql(
        "UPDATE cases SET clock_start = received_at, acknowledge_by = due_at, respond_by = due_at, "
        "resolve_minutes = (due_at - received_at) / 60000000"
    )
    # the first sweep finds out what is due: their timers begin to run
    db.execute_sql(f"UPDATE cases SET next_at = due_at, next_step = 'escalate' WHERE {OPEN}")
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    for statement in INDEXES:
        db.execute_sql(f"DROP INDEX {statement.split()[2]}")
    for name, _ in COLUMNS:
        db.execute_sql(f"ALTER TABLE cases DROP COLUMN {name}")
