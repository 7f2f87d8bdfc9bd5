"""Questions about no case (yet): a draft that was left, a call that was asked for; and when somebody was reminded."""

from peewee import BigIntegerField


def up(migrator, db):
    migrator.migrate(
        migrator.drop_not_null("sms_question", "case_id"),
        migrator.add_column("citizen", "reminded_at", BigIntegerField(null=True)),
    )


def down(migrator, db):
    db.execute_sql("DELETE FROM sms_question WHERE case_id IS NULL")
    migrator.migrate(
        migrator.drop_column("citizen", "reminded_at"),
        migrator.add_not_null("sms_question", "case_id"),
    )
