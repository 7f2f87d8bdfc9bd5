"""`./mlango case`, on both databases: what staff see and do at the command line."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from cases import lifecycle, reference
from cases.casework import Change
from cases.lifecycle import Action, Role, State
from cases.models import Case, CaseEvent
from cases.worklist import Viewer
from packs import published
from sms_gateway.message import Message
from store import database
from store.clock import utcnow
from tests import box
from ussd_app import wiring
from ussd_app.cli.case import command
from ussd_app.cli.case.acting import act
from ussd_app.cli.case.clerk import NEEDS, example_of
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

ASHA = "+254712345678"
NOTE = "The broken main on Olympic road was replaced."
KEYS = {
    "ref", "state", "agency", "owner", "queue", "priority", "visibility", "about", "category", "sub", "place", "ward",
    "county", "channel", "language", "escalation", "cycle", "version", "reopens", "outcome", "rating", "received_at",
    "acknowledge_by", "acknowledged_at", "respond_by", "responded_at", "due_at", "paused_at", "decided_at", "overdue",
}  # fmt: skip


def run(*arguments: str) -> Result:
    """One command, as a process of its own would do it; what it did to the logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(command, arguments)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def told(*arguments: str) -> str:
    """What a command that works prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def data(*arguments: str) -> Any:
    return json.loads(told(*arguments, "--json"))


def refusal(*arguments: str) -> str:
    """The one sentence or two with which a command refuses."""
    result = run(*arguments)
    assert isinstance(result.exception, Refusal), result.output + repr(result.exception)
    (fault,) = result.exception.faults
    return fault


@dataclass(frozen=True)
class Office:
    """A box whose citizens lodge cases."""

    house: House
    numbers: Iterator[int]

    def lodge(self, words: str | None = "Hakuna maji.", phone: str = ASHA, **facts: str | None) -> str:
        """Lodge a case, no water in Kibera unless said otherwise; its number."""
        citizen = self.house.citizens.meet(phone, utcnow())
        facts = {"sub": "water.none", "place": "kibera", **facts}
        change = Change(Action.LODGE, citizen, "ussd", f"test:{next(self.numbers)}", facts=facts, words=words)
        return self.house.casework.apply(change, utcnow()).case.ref


@pytest.fixture
def office(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    environ = box.environ(tmp_path / "home", database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    published.forget()
    yield Office(wiring.build(Settings.load(environ)), count(1))
    database.close()
    published.forget()


def case(ref: str) -> Case:
    return Case.get(Case.ref == ref)


# list


def test_the_list_shows_the_most_overdue_first_and_counts(office: Office) -> None:
    later, late = office.lodge(), office.lodge(sub="power.none")
    Case.update(due_at=datetime.fromisoformat("2026-01-05T09:00:00+03:00")).where(Case.ref == late).execute()
    title, first, second, counted = told("list").splitlines()
    assert title.split() == ["NUMBER", "KIND", "PLACE", "STATE", "OFFICE", "OFFICER", "DUE"]
    assert first.startswith(reference.shown(late))
    assert re.search(r"  KPLC +kplc-1 +05/01/2026, \d+ d late$", first)
    assert second.startswith(f"{reference.shown(later)}  No water ")
    assert counted == "2 cases; shown: 2."


def test_the_list_as_json_is_one_array_with_these_keys(office: Office) -> None:
    ref = office.lodge()
    (one,) = data("list")
    assert one.keys() == KEYS
    assert (one["ref"], one["state"], one["agency"], one["overdue"]) == (ref, "assigned", "NCWSC", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00", one["due_at"])
    assert datetime.fromisoformat(one["received_at"]) == case(ref).received_at.replace(microsecond=0)


def test_an_empty_list_says_so(office: Office) -> None:
    assert told("list") == "No cases.\n"
    assert data("list") == []


def test_a_long_list_says_how_to_go_on(office: Office) -> None:
    refs = {office.lodge() for _ in range(3)}
    *_, counted = told("list", "--limit", "2").splitlines()
    found = re.fullmatch(r"3 cases; shown: 2\. To go on, add: (--after) (.+)", counted)
    assert found
    page, rest = data("list", "--limit", "2"), data("list", *found.groups())
    assert {one["ref"] for one in page + rest} == refs
    assert len(rest) == 1


def test_cases_that_have_ended_are_listed_on_request_only(office: Office) -> None:
    ref = office.lodge()
    told("act", ref, "withdraw", "--as", "citizen")
    assert data("list") == []
    for more in (["--all"], ["--state", "withdrawn"], ["--state", "closed", "--state", "withdrawn"]):
        assert [one["ref"] for one in data("list", *more)] == [ref]


def test_the_list_can_be_narrowed(office: Office) -> None:
    water, power = office.lodge(), office.lodge(sub="power.none", place="kayole")
    unnamed = office.lodge(sub=None, place=None)
    owner = case(power).owner
    for more, found in (
        (["--agency", "NCWSC"], {water}),
        (["--as", "owner", "--agency", "KPLC", "--name", owner, "--mine"], {power}),
        (["--as", "supervisor", "--agency", "KPLC"], {power}),
        (["--owner", owner], {power}),
        (["--category", "water"], {water}),
        (["--county", "nairobi"], {water, power}),
        (["--county", "001"], set()),
        (["--since", "2020-01-01"], {water, power, unnamed}),
        (["--since", "01/01/2120"], set()),
        (["--overdue"], set()),
        (["--escalated", "75"], set()),
        (["--queue", "triage"], set()),
    ):
        assert {one["ref"] for one in data("list", *map(str, more))} == found, more


def test_an_officer_says_of_which_office(office: Office) -> None:
    assert refusal("list", "--as", "owner") == "An owner sees the cases of one office: name it with --agency."
    assert refusal("list", "--agency", "KPCL") == "There is no office KPCL in the pack; did you mean KPLC?"
    assert refusal("list", "--mine") == "Say whose cases are yours, with --name."


def test_in_production_everybody_says_in_which_role(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = office.lodge()
    real = {
        "mode": "production",
        "callback_token": "8f3kd92kfj30fkd93kfk39fk39f",
        "sms_gateway": "africastalking",
        "africastalking_username": "county",
        "africastalking_api_key": "k",
        "master_keys": f"k1:{'A' * 43}=",
        "index_key": f"{'B' * 43}=",
    }
    for name, value in real.items():
        monkeypatch.setenv(f"MLANGO_{name.upper()}", value)
    roles = "agent, owner, supervisor, appeal_officer, sync, auditor, admin"
    assert refusal("list") == f"Say in which role, with --as: {roles}."
    assert told("list", "--as", "auditor").startswith("NUMBER")
    for role, how in (("citizen", "citizen"), ("system", "system")):
        assert refusal("act", ref, "close", "--as", role) == f"The {how} acts by phone or by the clock, never here."


# show


def test_a_case_on_one_screen(office: Office) -> None:
    ref = office.lodge(words="Hakuna maji tangu Jumatatu.")
    screen = told("show", ref)
    assert screen.startswith(f"{reference.shown(ref)}  No water, Kibera: assigned\n")
    for part in (
        "by ussd, in English; public",
        "  citizen      +2547••••••78\n",
        "  office       Nairobi Water (NCWSC), officer ncwsc-1\n",
        "0 % of 72 h used, calendar 24x7",
        "“Hakuna maji tangu Jumatatu.”",
        f"./mlango case act {reference.shown(ref)} transfer --as admin --to AGENCY --note",
    ):
        assert part in screen
    assert ASHA not in screen


def test_a_number_is_shown_in_full_only_on_request_and_the_log_says_to_whom(office: Office) -> None:
    ref = office.lodge()
    shown = run("show", ref, "--reveal", "--as", "supervisor", "--name", "ncwsc-boss", "--json")
    assert json.loads(shown.stdout)["phone"] == ASHA
    logged = json.loads(shown.stderr)
    assert (logged["event"], logged["actor"], logged["role"]) == ("number_revealed", "ncwsc-boss", "supervisor")
    assert ASHA not in shown.stderr


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CITIZEN, Role.SYSTEM)])
def test_an_officer_of_the_office_it_is_about_finds_nothing_without_saying_which_office(
    office: Office, role: Role
) -> None:
    ref = office.lodge(visibility="confidential", about="NCWSC")
    case_ = case(ref)
    assert case_.agency != "NCWSC"
    for looking in (("show", ref), ("act", ref, "note", "--note", "We know who wrote this.")):
        assert "that you may see" in refusal(*looking, "--as", role, "--name", "ncwsc-1")
    assert case(ref).version == case_.version


def test_who_lodged_an_anonymous_case_is_shown_to_nobody(office: Office) -> None:
    ref = office.lodge(visibility="anonymous")
    assert data("show", ref, "--reveal")["phone"] is None
    assert "not told: the case is anonymous" in told("show", ref, "--reveal")


def test_a_case_as_json_has_its_history_and_what_may_be_done(office: Office) -> None:
    ref = office.lodge()
    whole = data("show", ref, "--as", "owner")
    assert whole.keys() == KEYS | {"used_percent", "phone", "master", "followers", "following", "history", "allowed"}
    first, second = whole["history"]
    assert first.keys() == {"seq", "at", "kind", "role", "actor", "source", "facts", "words"}
    assert (first["kind"], first["words"], second["kind"]) == ("lodge", "Hakuna maji.", "assign")
    assert first["facts"]["due_at"] == whole["due_at"]
    assert whole["allowed"] == list(lifecycle.allowed(State.ASSIGNED, Role.OWNER))


def test_masters_and_followers_name_each_other(office: Office) -> None:
    master, follower = office.lodge(), office.lodge()
    told("act", follower, "duplicate", "--as", "owner", "--master", reference.shown(master))
    assert f"  follows      {reference.shown(master)}\n" in told("show", follower)
    assert f"  followed by  1: {reference.shown(follower)}\n" in told("show", master)
    assert data("show", follower)["master"] == master
    assert data("show", master)["followers"] == [follower]


def test_a_case_that_is_not_theirs_looks_like_one_that_does_not_exist(office: Office) -> None:
    secret = office.lodge(sub="bribery.asked", visibility="confidential", about="COUNTY-047")
    absent = "482915633"
    assert secret != absent
    strangers = (["--agency", "COUNTY-047"], ["--as", "agent"], ["--as", "owner", "--agency", "KPLC"])
    for who in (*strangers, ["--as", "sync", "--agency", "KPLC"]):
        for order in (["show"], ["act", "note", "--note", "x"], ["act", "start"]):
            name, *rest = order
            refused = [refusal(name, ref, *rest, *who) for ref in (secret, absent)]
            assert refused[0] == f"There is no case {reference.shown(secret)} that you may see."
            assert refused[1] == refused[0].replace(reference.shown(secret), reference.shown(absent))
        assert secret not in told("list", "--all", *who)
    assert data("show", secret, "--as", "supervisor")["about"] == "COUNTY-047"


# act


def test_a_case_is_worked_on_from_start_to_end(office: Office) -> None:
    ref = office.lodge()
    number = reference.shown(ref)
    started = told("act", number, "start", "--as", "owner")
    assert started.startswith(f"{number}: start. Now in progress, with NCWSC (ncwsc-1), due ")
    assert told("act", ref, "ask", "--as", "owner", "--note", "Which street?").splitlines()[0].endswith("version 4.")
    told("act", ref, "resume", "--as", "owner")
    resolved = told("act", ref, "resolve", "--as", "owner", "--outcome", "fixed", "--note", NOTE).splitlines()
    assert resolved[0] == f"{number}: resolve. Now resolved, with NCWSC (ncwsc-1); version 6."
    assert resolved[1].startswith("The citizen is told: resolved")
    played = run("act", ref, "confirm", "--as", "citizen")
    assert played.stderr == "Demo: you play the citizen, who acts by phone or by the clock.\n"
    assert case(ref).state == State.CLOSED
    last = CaseEvent.get(CaseEvent.case == case(ref).id, CaseEvent.kind == "resolve")
    assert (last.source, last.role, last.actor) == ("cli", "owner", "ncwsc-1")


def test_what_came_of_an_act_as_json(office: Office) -> None:
    ref = office.lodge(sub=None, place=None)
    before = Message.select().count()
    did = data("act", ref, "classify", "--as", "admin", "--sub", "water.none", "--place", "Kibera")
    assert did.keys() == KEYS | {"repeated", "happened", "told"}
    assert (did["happened"], did["repeated"], did["place"]) == (["classify", "assign"], False, "kibera")
    sent = Message.select().where(Message.case == case(ref).id).order_by(Message.id.desc())
    assert did["told"] == [sent[0].template]
    assert Message.select().count() == before + 1


def test_an_act_says_what_followed_by_itself(office: Office) -> None:
    ref = office.lodge(sub=None, place=None)
    classified = told("act", ref, "classify", "--as", "admin", "--sub", "power.none", "--place", "kibera")
    assert "By itself followed: assign." in classified.splitlines()


def test_what_is_in_confidence_goes_into_no_file_of_an_office_before_an_officer_lets_it(office: Office) -> None:
    secret = office.lodge(sub="bribery.asked", visibility="confidential", about="COUNTY-047")
    shown = told("show", secret, "--as", "sync")
    assert "(in confidence)" in shown
    assert "Hakuna maji" not in shown
    told("act", secret, "share", "--as", "supervisor")
    assert "Hakuna maji" in told("show", secret, "--as", "sync")


def test_a_refusal_names_the_rule_and_what_goes(office: Office) -> None:
    ref = office.lodge()
    assert refusal("act", ref, "resolve", "--as", "owner", "--outcome", "fixed", "--note", NOTE) == (
        "Resolve needs a case that is in progress or pending citizen or pending third party; this one is assigned. "
        "An owner may now: classify, start, transfer, duplicate, note, share."
    )
    assert refusal("act", ref, "note", "--as", "auditor", "--note", "x").endswith("An auditor may now: nothing.")
    told("act", ref, "start", "--as", "owner")
    assert refusal("act", ref, "resolve", "--as", "owner", "--outcome", "fixed", "--note", "Done.").startswith(
        "Resolve needs a note of at least 20 characters that tells the citizen what was done or why not. An owner"
    )
    assert refusal("act", ref, "put-back", "--as", "owner", "--name", "ncwsc-2").startswith(
        "Put back is for the officer who has the case"
    )
    assert case(ref).version == 3


def test_a_refusal_in_json(office: Office) -> None:
    ref = office.lodge()
    refused = run("act", ref, "ask", "--as", "owner", "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert json.loads(refused.stderr)["error"].startswith("Ask needs a case that is in progress")


def test_who_looked_at_an_older_version_is_told_who_changed_what(office: Office) -> None:
    ref = office.lodge()
    told("act", ref, "start", "--as", "owner")
    told("act", ref, "note", "--as", "supervisor", "--name", "boss", "--note", "Hurry.")
    refused = refusal("act", ref, "note", "--as", "owner", "--note", "x", "--version", "2")
    assert re.search(r"Since then: start by ncwsc-1, [\d/]+ [\d:]+; note by boss, [\d/]+ [\d:]+\.$", refused)
    assert refusal("act", ref, "note", "--as", "owner", "--note", "x", "--version", "9").endswith("that version.")
    told("act", ref, "note", "--as", "owner", "--note", "x", "--version", "4")


def test_the_same_key_acts_once(office: Office) -> None:
    ref = office.lodge()
    note = ("act", ref, "note", "--as", "owner", "--note", "Seen.", "--key", "import-7")
    assert data(*note)["repeated"] is False
    again = data(*note)
    assert (again["repeated"], again["happened"], again["told"], again["version"]) == (True, [], [], 3)
    assert "done before under this key" in told(*note)
    assert "100 characters" in refusal(*note[:-1], "k" * 101)
    other = office.lodge()
    assert data("act", other, *note[2:])["repeated"] is False


def test_what_an_action_has_no_use_for_is_refused(office: Office) -> None:
    ref = office.lodge()
    assert refusal("act", ref, "start", "--as", "owner", "--outcome", "fixed") == "Start has no use for --outcome."
    assert "did you mean KPLC?" in refusal("act", ref, "transfer", "--to", "kplcc", "--note", "x")
    assert "sub-category water.nothing" in refusal("act", ref, "classify", "--sub", "water.nothing")
    assert "no place Atlantis" in refusal("act", ref, "classify", "--place", "Atlantis")
    assert refusal("act", ref, "classify", "--place", "central").startswith("Which central? Say one of: ")
    assert case(ref).version == 2


def test_nobody_follows_a_case_that_they_may_not_see(office: Office) -> None:
    ref, theirs = office.lodge(), office.lodge(sub="power.none")
    refused = refusal("act", ref, "duplicate", "--as", "owner", "--master", theirs)
    assert refused == f"There is no case {reference.shown(theirs)} that you may see."


def test_a_case_goes_to_another_office_and_officer(office: Office) -> None:
    ref = office.lodge()
    told("act", ref, "transfer", "--as", "owner", "--to", "KPLC", "--owner", "kplc-2", "--note", "A pole, not a pipe.")
    assert (case(ref).agency, case(ref).owner) == ("KPLC", "kplc-2")
    assert refusal("act", ref, "start", "--as", "owner", "--agency", "NCWSC").startswith("There is no case")


def test_every_example_that_show_gives_is_understood() -> None:
    for role, state in product(Role, State):
        for action in lifecycle.allowed(state, role):
            example = shlex.split(f"482-915-633 {action}{example_of(Viewer(role), action)}")
            given = act.make_context("act", example).params
            assert (given["action"], given["role"]) == (action, role)
            assert all(given[name] for name in NEEDS.get(action, ()))


# lifecycle


def test_the_table_is_printed_for_reading_and_as_markdown() -> None:
    plain, markdown = told("lifecycle"), told("lifecycle", "--markdown")
    assert "resolve: in progress, pending citizen, pending third party → resolved\n    by owner\n" in plain
    assert markdown.startswith("| action | from | by | to | conditions |\n| --- |")
    assert markdown.count("\n") == len(lifecycle.RULES) + 2
    assert "\n| **withdraw** | any open | citizen | withdrawn |  |\n" in markdown


def test_before_the_database_is_there_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert refusal("list") == "The database is not up to date. Run first: ./mlango migrate"
    wiring.migrate(Settings.load(), lambda _: None)
    published.forget()
    assert refusal("list") == "No pack has been loaded yet. Load one with: ./mlango pack load"
    database.close()
