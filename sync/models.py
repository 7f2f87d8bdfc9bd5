"""The tables of this room: what each office is to hear, the files there and back, their turns, and how the links do."""

from __future__ import annotations

from typing import Final

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from cases.models import Case
from store.model import Model, UtcField


class FeedRow(Model):
    """One event of a case that one office is to hear of. Holds codes and times only, never anything of a person.

    The event is the one with this `case`, `node` and `seq`; what a citizen said in it stays sealed there.
    """

    agency = CharField(max_length=24)
    case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
    seq = IntegerField()  # of the event, within (node, case); 0: there is none
    kind = CharField(max_length=24)  # the event's, or one of `sync.feed.FAREWELLS`
    snapshot = TextField()  # JSON: the case as it stood after the event, as `sync.feed` says
    recorded_at = UtcField()
    file_id = CharField(max_length=32, null=True)  # the event file that took it; NULL: it waits for the next one

    class Meta:
        table_name = "feed"


class ExchangeFile(Model):
    """A file that went to an office or came from one. The row stays when the file on disk is old enough to go."""

    direction = CharField(max_length=3)  # out | in
    kind = CharField(max_length=12)  # events, repeat, work, ack, errors | updates
    agency = CharField(max_length=24)
    name = CharField(max_length=200)
    seq = IntegerField(null=True)  # 1, 2, 3 … of an office's event files, and of what its own system sends
    day = CharField(max_length=10, null=True)  # ISO, in the pack's zone
    sha256 = CharField(max_length=64, null=True)
    previous = CharField(max_length=64, null=True)  # the SHA-256 of the event file before it
    rows = IntegerField(default=0)
    bytes = BigIntegerField(default=0)
    state = CharField(max_length=12)  # out: making, made, delivered | in: reading, applied, refused
    accepted = IntegerField(default=0)
    doubled = IntegerField(default=0)
    rejected = IntegerField(default=0)
    waiting = IntegerField(default=0)
    attempts = IntegerField(default=0)  # of delivering it
    retry_at = UtcField(null=True)
    error = TextField(null=True)
    made_at = UtcField()
    delivered_at = UtcField(null=True)
    removed_at = UtcField(null=True)  # since then it is no longer on disk

    class Meta:
        table_name = "exchange_file"
        indexes = ((("agency", "direction", "name"), True),)


class ExchangeSlot(Model):
    """One turn of the exchange with one office: a working day's, or one that somebody started by hand."""

    agency = CharField(max_length=24)
    slot = CharField(max_length=40)  # 2026-11-23, or the name of a turn by hand
    state = CharField(max_length=12)  # due, running, done, failed, covered
    due_at = UtcField()
    lease = IntegerField(null=True)  # the tick at which the claim of who runs it ends
    attempts = SmallIntegerField(default=0)
    started_at = UtcField(null=True)
    done_at = UtcField(null=True)
    error = TextField(null=True)

    class Meta:
        table_name = "exchange_slot"
        indexes = ((("agency", "slot"), True),)


class ExchangeLink(Model):
    """How the way to one office does, and what was last seen of its own files."""

    agency = CharField(max_length=24, unique=True)
    last_ok_at = UtcField(null=True)
    failing_since = UtcField(null=True)
    failures = IntegerField(default=0)  # in a row
    retry_at = UtcField(null=True)
    error = TextField(null=True)
    alerted_at = UtcField(null=True)  # when an alarm was last raised about it
    in_seq = IntegerField(null=True)  # the highest number among the office's own update files
    gaps = TextField(default="[]")  # JSON: the numbers below it that did not come yet
    cursor = TextField(null=True)  # how far a transport that reads a list has come

    class Meta:
        table_name = "exchange_link"


class ExternalRef(Model):
    """What an office calls a case of ours."""

    agency = CharField(max_length=24)
    case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
    ref = CharField(max_length=120)

    class Meta:
        table_name = "external_ref"
        indexes = ((("agency", "case"), True), (("agency", "ref"), False))


class Erasing(Model):
    """A case whose citizen was erased, for as long as a file in the folder of this office may tell of it."""

    agency = CharField(max_length=24)
    ref = CharField(max_length=9)  # of the case
    since = UtcField()  # no file that was made before tells of it
    until = UtcField()  # when it is looked for the last time
    looked_at = UtcField(null=True)  # when it was last looked for

    class Meta:
        table_name = "erasing"
        indexes = ((("agency", "ref"), True),)


TABLES: Final = (FeedRow, ExchangeFile, ExchangeSlot, ExchangeLink, ExternalRef, Erasing)
