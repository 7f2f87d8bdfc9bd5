"""The tables of this room: citizens, cases, their numbers and their events."""

from __future__ import annotations

from typing import Final

from peewee import BlobField, CharField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from store.model import Model, UtcField


class Citizen(Model):
    """A phone that asked us something. Personal data stands only here and in values sealed with `data_key`."""

    msisdn_index = CharField(max_length=32, unique=True)  # keyed fingerprint: found, never read back
    msisdn = BlobField()  # sealed
    data_key = BlobField(null=True)  # wrapped by a master key; NULL once erased
    language = CharField(max_length=8, null=True)  # NULL until they choose
    place = CharField(max_length=40, null=True)  # where their last local problem was
    stopped_at = UtcField(null=True)  # they sent STOP
    reminded_at = UtcField(null=True)  # when we last asked what to do with a draft that they left
    letters = CharField(max_length=8, null=True)  # how they want them in SMS: NULL or auto, plain, marks
    blocked_at = UtcField(null=True)  # the network refuses our SMS to them, as they asked it to
    blocked_told_at = UtcField(null=True)  # when the menus last told them so
    texted_at = UtcField(null=True)  # when an SMS to them last began to leave
    texts_day = CharField(max_length=10, null=True)  # the last day on which one left, ISO
    texts = SmallIntegerField(default=0)  # how many left on that day
    created_at = UtcField()

    class Meta:
        table_name = "citizen"


class CaseNumber(Model):
    """Every number ever drawn, by the box that drew it: none is issued twice, not even after a restore."""

    id = CharField(max_length=9, primary_key=True)  # the nine digits

    class Meta:
        table_name = "case_number"


class Case(Model):
    """One complaint and where it stands now; how it came there stands in its events."""

    ref = CharField(max_length=9, unique=True)
    source_key = CharField(max_length=160, unique=True)  # the request that lodged it; a repeat finds this case
    citizen = ForeignKeyField(Citizen, backref="cases", on_delete="RESTRICT", index=False)
    channel = CharField(max_length=16)
    language = CharField(max_length=8)
    visibility = CharField(max_length=12)  # public | confidential | anonymous
    category = CharField(max_length=40, null=True)
    sub = CharField(max_length=60, null=True)
    place = CharField(max_length=40, null=True)
    ward = CharField(max_length=12, null=True)
    constituency = CharField(max_length=12, null=True)
    county = CharField(max_length=12, null=True)
    agency = CharField(max_length=24)
    owner = CharField(max_length=40, null=True)  # the officer who has it
    about = CharField(max_length=24, null=True)  # the office it complains about in confidence: that one never sees it
    queue = CharField(max_length=12, null=True)  # whose help it needs to go on: supervisor | triage
    priority = CharField(max_length=8, default="normal")  # normal | urgent
    master = CharField(max_length=32, null=True, index=True)  # id of the case that it follows
    followers = IntegerField(default=0)  # how many follow it
    repeats = SmallIntegerField(default=0)  # 1: the same citizen had a case of this category in the month before
    state = CharField(max_length=24)
    state_since = UtcField()
    cycle = SmallIntegerField(default=1)  # rises when it is reopened or an appeal succeeds
    version = IntegerField(default=1)
    events = IntegerField(default=0)  # how many events it has: the next one's seq is this + 1
    chain = CharField(max_length=64, default="")  # hash of its newest event on this node
    pack_version = CharField(max_length=64)  # the SLA policy in force when it was lodged
    received_at = UtcField()
    # the clocks: working time on `calendar`, promised by the policy of `pack_version`
    calendar = CharField(max_length=24)
    resolve_minutes = IntegerField()  # promised for each cycle
    clock_start = UtcField()  # of this cycle
    paused_at = UtcField(null=True)  # the clock stands still since then
    paused_minutes = IntegerField(default=0)  # of this cycle, pauses that ended
    acknowledge_by = UtcField()
    respond_by = UtcField()
    due_at = UtcField()
    acknowledged_at = UtcField(null=True)  # an officer took it up
    responded_at = UtcField(null=True)  # a person first said something to the citizen
    escalation = SmallIntegerField(default=0)  # per cent: the highest level of this cycle
    next_at = UtcField(null=True)  # when a timer acts next …
    next_step = CharField(max_length=12, null=True)  # … and what it does
    # the decision
    decided_at = UtcField(null=True)  # when we heard of it: what the citizen may do, and until when, follows from it
    decided_by = CharField(max_length=40, null=True)
    outcome = CharField(max_length=20, null=True)
    reminded_at = UtcField(null=True)  # the citizen was asked a second time
    reopens = SmallIntegerField(default=0)
    appealed = SmallIntegerField(default=0)  # whether the decision of this cycle was appealed
    rating = SmallIntegerField(null=True)  # 1 to 5
    silent = SmallIntegerField(null=True)  # 1: no SMS tells of it, as its citizen wished
    guarded = SmallIntegerField(null=True)  # 1: its words sound secret; no SMS names it before an officer has
    shared = SmallIntegerField(null=True)  # 1: an officer lets the words of a case in confidence go into files

    class Meta:
        table_name = "cases"
        indexes = ((("citizen", "received_at"), False),)


class CaseEvent(Model):
    """One thing that happened to a case. Only ever inserted; each carries the hash of the one before it."""

    case = ForeignKeyField(Case, backref="history", on_delete="RESTRICT", index=False)
    seq = IntegerField()  # 1, 2, 3 … within (node, case)
    kind = CharField(max_length=24)
    role = CharField(max_length=16)  # who did it, as the lifecycle table names them
    actor = CharField(max_length=40, null=True)
    source = CharField(max_length=16)  # ussd, sms, desk, csv, open311, system
    source_key = CharField(max_length=160, null=True, unique=True)
    occurred_at = UtcField()
    recorded_at = UtcField()
    facts = TextField()  # JSON, keys sorted; never personal data
    words = BlobField(null=True)  # sealed: what a person wrote
    previous = CharField(max_length=64)
    hash = CharField(max_length=64)

    class Meta:
        table_name = "case_event"
        indexes = ((("case", "node", "seq"), True),)


TABLES: Final = (Citizen, CaseNumber, Case, CaseEvent)
