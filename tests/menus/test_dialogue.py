"""What a text leads to, as a table: what we had asked and written before, the text, the plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menus.dialogue import Add, Classify, Context, Lodge, Plan, Question, Say, Split, plan
from packs.model import Pack
from packs.places import place_index
from sms_gateway.keywords import Intent, understand

WHAT = Question("q", "what", "case")
PLACE = Question("q", "place", "case")
ADDED = Question("q", "added", "case", ("mo",))


@pytest.fixture(scope="module")
def context(ke: Pack) -> Context:
    return Context(ke, place_index(ke))


def planned(text: str, context: Context, *questions: Question, about: str | None = None) -> Plan:
    return plan(text, understand(text), replace(context, questions=questions, case_id=about))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No water in Lindi", Lodge("No water in Lindi")),
        ("COMPLAIN No water", Lodge("No water")),
        ("complain", Say(Intent.HELP)),
        ("Stop stealing our water!", Lodge("Stop stealing our water!")),
        ("stop", Say(Intent.STOP)),
        ("STATUS", Say(Intent.STATUS)),
        ("STATUS 482 915 633", Say(Intent.STATUS, "482 915 633", "482915633")),
        ("482-915-633", Say(Intent.STATUS, number="482915633")),
        ("1", Say(Intent.HELP, number="1")),
        ("LANG SW", Say(Intent.LANG, "SW")),
        ("asante sana", Say(Intent.ACK, "asante sana")),
        ("new", Lodge("new")),
        ("", Say(Intent.HELP)),
    ],
)
def test_with_nothing_asked_and_nothing_written_about(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, context) == expected


def test_a_text_belongs_to_the_case_we_wrote_about(context: Context) -> None:
    assert planned("It is worse now", context, about="case") == Add("case", "It is worse now")


def test_a_keyword_comes_before_any_question(context: Context) -> None:
    assert planned("STATUS", context, WHAT, about="case") == Say(Intent.STATUS)
    assert planned("COMPLAIN no light", context, WHAT, about="case") == Lodge("no light")


@pytest.mark.parametrize(
    ("text", "sub", "place"),
    [
        ("1", "water.other", None),
        ("8", "other.other", None),
        ("2.", "power.other", None),
        ("1 Kayole", "water.other", "kayole"),
        ("1, kayole", "water.other", "kayole"),
        ("3 KAYOLE NAIROBI", "roads.other", "kayole"),
        ("Maji", "water.other", None),
        ("maji kayole", "water.other", "kayole"),
        ("water at the market", "water.other", None),
        ("passport", "id.other", None),
    ],
)
def test_what_it_is_about_by_number_or_word_and_perhaps_where(
    context: Context, text: str, sub: str, place: str | None
) -> None:
    assert planned(text, context, WHAT, about="case") == Classify("case", sub, place, text)


@pytest.mark.parametrize("text", ["9", "0", "²", "١", "it is bad", "10 people are sick"])
def test_no_answer_to_what_it_is_about(context: Context, text: str) -> None:
    assert not isinstance(planned(text, context, WHAT, about="case"), Classify)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Kayole", "kayole"),
        ("kayole, nairobi", "kayole"),
        ("KIBERA", "kibera"),
        ("Nairobi", "047"),
        ("Kiambu", "022"),  # the county: its town has the same name
    ],
)
def test_where_it_is_by_a_whole_name(context: Context, text: str, place: str) -> None:
    assert planned(text, context, PLACE, about="case") == Classify("case", None, place, text)


@pytest.mark.parametrize("text", ["mtaa", "market", "home", "ndio", "kwangu", "mpya", "sawa sawa hapa", "kario", "ka"])
def test_a_word_that_only_resembles_a_place_is_kept_as_words(context: Context, text: str) -> None:
    assert planned(text, context, PLACE, about="case") == Add("case", text)


def test_a_name_that_several_places_bear_is_asked_about(context: Context) -> None:
    asked = planned("2 Township", context, WHAT, about="case")
    assert isinstance(asked, Classify)
    assert (asked.sub, asked.place) == ("power.other", None)
    assert len(asked.which) > 3
    assert {context.pack.places[code].name for code in asked.which} == {"Township"}


def township(context: Context) -> Question:
    asked = planned("Township", context, PLACE)
    assert isinstance(asked, Classify)
    return Question("q", "which", "case", asked.which)


def test_which_one_by_its_number_among_the_three_we_listed(context: Context) -> None:
    question = township(context)
    assert planned("2", context, question) == Classify("case", None, question.options[1], "2")
    for text in ("4", "0", "²", "٢"):
        assert not isinstance(planned(text, context, question, about="case"), Classify)


def test_which_one_by_its_county_also_where_we_did_not_list_it(context: Context) -> None:
    question = township(context)
    places = context.pack.places
    county = places[places[question.options[-1]].county or ""]
    named = planned(county.name, context, question)
    assert isinstance(named, Classify)
    assert named.place == question.options[-1] or question.options[-1] in named.which


def test_several_in_that_county_are_asked_about_again(context: Context) -> None:
    narrowed = planned("kiambu", context, township(context))
    assert isinstance(narrowed, Classify)
    assert len(narrowed.which) == 2


@pytest.mark.parametrize("text", ["NEW", "mpya", "New."])
def test_new_makes_a_complaint_of_what_was_added(context: Context, text: str) -> None:
    assert planned(text, context, ADDED, about="case") == Split("mo")


def test_a_newer_question_is_asked_first_and_an_older_one_still_counts(context: Context) -> None:
    assert planned("new", context, ADDED, PLACE, about="case") == Split("mo")
    assert isinstance(planned("Kayole", context, ADDED, PLACE, about="case"), Classify)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from([(), (WHAT,), (PLACE,), (ADDED, WHAT)]), st.sampled_from([None, "case"]))
def test_every_text_has_a_plan(context: Context, text: str, questions: tuple[Question, ...], about: str | None) -> None:
    assert isinstance(planned(text, context, *questions, about=about), Lodge | Add | Classify | Split | Say)
