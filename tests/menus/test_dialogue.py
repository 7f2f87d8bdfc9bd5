"""What a text leads to, as a table: what we had asked and written before, the text, the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.lifecycle import OPEN, Action, State
from menus.dialogue import (
    ATTENTION,
    Act,
    Add,
    Apart,
    AskAgain,
    AskMeant,
    AskStop,
    Classify,
    Context,
    Finish,
    Guess,
    Join,
    Leave,
    Lodge,
    Meant,
    Mute,
    NoCall,
    NotAsked,
    Plan,
    Question,
    Say,
    Split,
    Undo,
    guess,
    plan,
    plan_addressed,
)
from packs.model import Pack
from packs.places import place_index
from sms_gateway.keywords import Addressed, AnswerWord, Intent, understand

WHAT = Question("q", "what", "case")
PLACE = Question("q", "place", "case")
ADDED = Question("q", "added", "case", ("mo",))
KNOWN = Question("q", "known", "case", ("master",))
SOLVED = Question("q", "solved", "case")
RATE = Question("q", "rate", "case", age=timedelta(minutes=5))
ASKED = Question("q", "question", "case")
UNDO = Question("q", "undo", "case")
APPEAL = Question("q", "appeal", "case", ("mo",))
DRAFT = Question("q", "draft", options=("row", "water.none"))
CALL = Question("q", "call")
GUESS = Question("q", "guess", "case", category="water")
REJECTED = Question("q", "appeal", "case", category="water")
STOP = Question("q", "stop", "case")
MEANT = Question("q", "meant", options=("mo",))


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
        ("new", Say(Intent.HELP)),
        ("ndiyo", Say(Intent.HELP)),
        ("", Say(Intent.HELP)),
    ],
)
def test_with_nothing_asked_and_nothing_written_about(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, context) == expected


def test_a_text_belongs_to_the_case_we_wrote_about(context: Context) -> None:
    assert planned("It is worse now", context, about="case") == Add("case", "It is worse now")


@pytest.mark.parametrize("text", ["Nisaidie ananipiga", "HELP fire", "msaada moto"])
def test_a_cry_for_help_is_lodged(context: Context, text: str) -> None:
    assert planned(text, context) == Lodge(text)


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
        ("passport", "id.passport", None),
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


@pytest.mark.parametrize("text", ["mtaa", "market", "home", "ndio", "kwangu", "sawa sawa hapa", "kario", "ka"])
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


CONFIRM = Act(Action.CONFIRM, "case", "solved")
REOPEN = Act(Action.REOPEN, "case", "solved")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", CONFIRM),
        ("Yes", CONFIRM),
        ("ndiyo asante", CONFIRM),
        ("2", REOPEN),
        ("bado.", REOPEN),
        ("NO", REOPEN),
        ("2 still dry", replace(REOPEN, words="2 still dry")),
        ("Hapana, bado", replace(REOPEN, words=None)),
        ("No, it broke again", replace(REOPEN, words="No, it broke again")),
        ("asante sana", AskAgain("case", "solved", keep=True)),
        ("1 pipe is open again", AskAgain("case", "solved", keep=True)),
        ("no water in Lindi", AskAgain("case", "solved", keep=True)),
        ("3", AskAgain("case", "solved", keep=True)),
        ("STATUS", Say(Intent.STATUS)),
        ("482915633", Say(Intent.STATUS, number="482915633")),
        ("COMPLAIN No water", Lodge("No water")),
    ],
)
def test_is_it_fixed(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, context, SOLVED) == expected


def test_days_later_only_the_bare_word_answers(context: Context) -> None:
    late = replace(SOLVED, age=ATTENTION)
    assert planned("2", context, late) == REOPEN
    assert planned("2 weeks without power", context, late) == Lodge("2 weeks without power")
    assert planned("thank you", context, late) == Say(Intent.ACK, "thank you")


def test_what_was_unclear_goes_along_with_not_yet_or_becomes_a_complaint(context: Context) -> None:
    unclear = replace(SOLVED, options=("mo",))
    assert planned("2", context, unclear) == replace(REOPEN, said="mo")
    assert planned("NEW", context, unclear) == Split("mo")
    assert planned("1", context, unclear) == replace(CONFIRM, said="mo"), "the office reads it, too"


@pytest.mark.parametrize("star", range(1, 6))
def test_a_rating_is_one_digit(context: Context, star: int) -> None:
    assert planned(f" {star}.", context, RATE) == Act(Action.RATE, "case", "rate", facts={"stars": star})


def test_another_number_is_no_rating_and_other_words_are_a_complaint(context: Context) -> None:
    assert planned("7", context, RATE) == AskAgain("case", "rate")
    assert planned("5 days no water", context, RATE) == Lodge("5 days no water")


def test_one_sent_twice_in_a_hurry_is_no_rating(context: Context) -> None:
    hurried = replace(RATE, age=timedelta(seconds=10))
    assert planned("1", context, hurried) == AskAgain("case", "rate")
    assert isinstance(planned("5", context, hurried), Act)


@pytest.mark.parametrize("text", ["1", "ok", "sawa", "37215008", "No water in the mornings", "mpya"])
def test_whatever_follows_an_officers_question_is_the_answer(context: Context, text: str) -> None:
    assert planned(text, context, ASKED, about="case") == Act(Action.ANSWER, "case", "question", text)


@pytest.mark.parametrize(
    ("text", "words"), [("NO", None), ("hapana", None), ("no it was not me", "no it was not me"), ("La!", None)]
)
def test_no_undoes(context: Context, text: str, words: str | None) -> None:
    assert planned(text, context, UNDO) == Act(Action.RESTORE, "case", "undo", words)


@pytest.mark.parametrize("text", ["No water in Kayole since Monday", "no power since morning"])
def test_a_new_complaint_that_begins_with_no_undoes_nothing(context: Context, text: str) -> None:
    assert planned(text, context, UNDO) == Lodge(text)


@pytest.mark.parametrize(("text", "words"), [("APPEAL", None), ("Rufaa hawakuja", "Rufaa hawakuja")])
def test_an_appeal_takes_along_what_was_said_before(context: Context, text: str, words: str | None) -> None:
    assert planned(text, context, APPEAL) == Act(Action.APPEAL, "case", "appeal", words, "mo")


def test_an_appeal_that_names_no_case_is_asked_which(context: Context) -> None:
    assert planned("APPEAL", context) == Say(AnswerWord.APPEAL)


def test_the_same_problem_or_another_one(context: Context) -> None:
    assert planned("1", context, KNOWN, about="case") == Act(
        Action.DUPLICATE, "case", "known", facts={"master": "master"}
    )
    for text in ("2", "no", "MPYA"):
        assert planned(text, context, KNOWN, about="case") == Apart("case")
    assert planned("near the school", context, KNOWN, about="case") == Add("case", "near the school")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", Finish("row", None)),
        ("Yes please", Finish("row", None)),
        ("NDIYO", Finish("row", None)),
        ("since Monday", Finish("row", "since Monday")),
        ("1 since Monday", Finish("row", "1 since Monday")),
        ("No water at all", Finish("row", "No water at all")),
        ("no", Leave()),
        ("hapana", Leave()),
        ("2", Leave()),
        ("3", Say(Intent.HELP, number="3")),
        ("482915633", Say(Intent.STATUS, number="482915633")),
        ("asante", Say(Intent.ACK, "asante")),
        ("STATUS", Say(Intent.STATUS)),
        ("APPEAL", Say(AnswerWord.APPEAL)),
        ("COMPLAIN no light", Lodge("no light")),
    ],
)
def test_a_draft_that_was_left_is_sent_by_1_or_with_words(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, context, DRAFT) == expected


def test_no_calls_off_the_call_and_anything_else_is_no_answer_to_it(context: Context) -> None:
    assert planned("NO", context, CALL, SOLVED) == NoCall()
    assert planned("hapana asante", context, CALL) == NoCall()
    assert planned("1", context, CALL, SOLVED) == Act(Action.CONFIRM, "case", "solved")
    assert planned("Kayole", context, CALL, PLACE) == Classify("case", None, "kayole", "Kayole")
    assert planned("no", context, SOLVED, CALL) == Act(Action.REOPEN, "case", "solved")


@pytest.mark.parametrize("text", ["CALL ME", "please call me", "Nipigie!", "agent"])
def test_who_wants_to_be_called_says_so_whatever_was_asked(context: Context, text: str) -> None:
    said = planned(text, context, ASKED, about="case")
    assert isinstance(said, Say)
    assert said.intent is Intent.AGENT


def test_me_too_names_the_case_to_follow(context: Context) -> None:
    assert planned("ME TOO 482-915-633", context, SOLVED) == Join("482915633")
    assert planned("me too", context) == Say(Intent.JOIN)


def test_a_bare_word_that_answers_nothing_is_never_guessed_at(context: Context) -> None:
    another = replace(context, resolved_id="other", asked_id="case")
    assert plan("1", understand("1"), another) == AskAgain("other", "solved")
    stale = replace(context, asked_id="case")
    assert plan("2", understand("2"), stale) == NotAsked("case")
    assert plan("5", understand("5"), stale) == NotAsked("case")
    assert plan("no", understand("no"), replace(stale, case_id="case")) == Add("case", "no")


@pytest.mark.parametrize(
    ("text", "state", "action"),
    [
        ("1", State.RESOLVED, Action.CONFIRM),
        ("2", State.CLOSED, Action.REOPEN),
        ("4", State.CLOSED, Action.RATE),
        ("APPEAL", State.REJECTED, Action.APPEAL),
        ("NO", State.WITHDRAWN, Action.RESTORE),
        ("1", State.PENDING_CITIZEN, Action.ANSWER),
    ],
)
def test_an_answer_that_names_its_case_needs_no_question(
    context: Context, text: str, state: State, action: Action
) -> None:
    planned = plan_addressed(Addressed(text, "482915633"), "case", state, context)
    assert isinstance(planned, Act)
    assert (planned.action, planned.case_id) == (action, "case")


def test_a_question_about_the_named_case_comes_before_what_its_state_implies(context: Context) -> None:
    rating = replace(context, questions=(RATE,))
    assert plan_addressed(Addressed("2", "482915633"), "case", State.CLOSED, rating) == Act(
        Action.RATE, "case", "rate", facts={"stars": 2}
    )


@pytest.mark.parametrize("state", sorted(OPEN - {State.PENDING_CITIZEN}))
def test_not_yet_about_a_case_that_is_open_anyway_adds_its_words(context: Context, state: State) -> None:
    with_words = Addressed("2 still brown", "482915633")
    assert plan_addressed(with_words, "case", state, context) == Add("case", "2 still brown")
    assert plan_addressed(Addressed("2", "482915633"), "case", state, context) == Say(Intent.STATUS, number="482915633")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("maji hakuna Kayole", Guess("water.none", "kayole")),
        ("hakuna maji", Guess("water.none")),
        ("maji Kayole", Guess("water.other", "kayole")),
        ("no water umoja", Guess("water.none", which=("umoja", "0868"))),
        ("it is bad in Kayole", Guess(place="kayole")),
        ("waya wa stima umeanguka Kayole", Guess("power.fallen_line", "kayole", danger=True)),
        ("Barabara ya kwenda Rongai imejaa mashimo", Guess("roads.other")),
        ("my passport delayed since May", Guess("id.passport")),
        ("the officer in Kayole asked for a bribe", Guess()),
        ("mume wangu ananipiga hapa Kayole", Guess(danger=True)),
        ("", Guess()),
    ],
)
def test_what_a_complaint_is_filed_as(context: Context, words: str, expected: Guess) -> None:
    assert guess(words, context) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO", Undo("case")),
        ("hapana asante", Undo("case")),
        ("NO Kawangware", Classify("case", None, "kawangware", "NO Kawangware")),
        ("No, Kawangware", Classify("case", None, "kawangware", "No, Kawangware")),
        ("HAPANA ni mtaa wa Kawangware", Classify("case", None, "kawangware", "HAPANA ni mtaa wa Kawangware")),
        ("Wrong, it is Kawangware", Classify("case", None, "kawangware", "Wrong, it is Kawangware")),
        ("It's not Kayole its Umoja Nairobi", Classify("case", None, "umoja", "It's not Kayole its Umoja Nairobi")),
        ("si hapo, ni Kawangware", Classify("case", None, "kawangware", "si hapo, ni Kawangware")),
        ("Mmekosea", Undo("case")),
        ("No, a burst pipe in Lindi", Classify("case", "water.burst", "1387", "No, a burst pipe in Lindi")),
        ("No, that is not what I said", Undo("case", "No, that is not what I said")),
        ("No water in Umoja", Add("case", "No water in Umoja")),
        ("no power since Monday", Lodge("no power since Monday")),
        ("yes", Add("case", "yes")),
        ("ok thank you", Say(Intent.ACK, "ok thank you")),
    ],
)
def test_one_word_undoes_what_we_took_it_for(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, replace(context, category="water"), GUESS, about="case") == expected


def test_where_asked_for_the_place_a_sentence_may_say_it_and_no_undoes_the_kind(context: Context) -> None:
    said = "ni karibu na soko la Kayole"
    assert planned(said, context, PLACE) == Classify("case", None, "kayole", said)
    assert planned("no", context, PLACE) == Undo("case")


@pytest.mark.parametrize(
    "text",
    ["burst pipe in Lindi", "Kayole, and the officer wants a bribe", "Kayole, mume wangu ananipiga"],
)
def test_another_problem_or_a_secret_is_no_answer_to_where_it_is(context: Context, text: str) -> None:
    asked = replace(PLACE, category="power")
    assert planned(text, replace(context, category="power"), asked, about="case") == Lodge(text)
    landmark = "Kayole near the police station"
    assert planned(landmark, context, asked, about="case") == Classify("case", None, "kayole", landmark)


@pytest.mark.parametrize("text", ["6", "6 Kayole", "polisi", "3 the officer wants a bribe"])
def test_what_may_be_secret_is_found_out_by_a_person_whatever_the_number(context: Context, text: str) -> None:
    assert planned(text, context, WHAT, about="case") == Classify("case", None, None, text, secret=True)


def test_the_bare_name_of_a_place_is_for_the_one_case_whose_place_we_asked_for(context: Context) -> None:
    other = replace(PLACE, case_id="other")
    both = replace(context, where_asked=(other,))
    assert planned("Kayole", both, SOLVED) == Classify("other", None, "kayole", "Kayole")
    unclear = AskAgain("case", "solved", keep=True)
    assert planned("Kayole is dry", both, SOLVED) == unclear
    assert planned("Kayole", replace(both, where_asked=(other, other)), SOLVED) == unclear


def test_a_sentence_may_say_what_it_is_about_unless_it_sounds_secret(context: Context) -> None:
    said = "maji hakuna Kayole"
    assert planned(said, context, WHAT) == Classify("case", "water.none", "kayole", said)
    assert planned("chief wants a bribe", context, WHAT, about="case") == Lodge("chief wants a bribe")


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("it is worse now", True),
        ("the taps are dry again", True),
        ("it is dry at the school as well", True),  # says where
        ("street lights are off", False),
        ("their man asked for a bribe", False),
    ],
)
def test_words_of_the_same_kind_or_of_none_belong_to_the_case_we_wrote_about(
    context: Context, text: str, belongs: bool
) -> None:
    water = replace(context, category="water")
    assert planned(text, water, about="case") == (Add("case", text) if belongs else Lodge(text))


def test_what_sounds_secret_belongs_to_a_case_that_does(context: Context) -> None:
    secret = replace(context, is_neutral=True)
    assert planned("he wants a bribe again", secret, about="case") == Add("case", "he wants a bribe again")
    assert planned("it was on Friday", secret, about="case") == Add("case", "it was on Friday")
    assert planned("no water in Kayole", secret, about="case") == Lodge("no water in Kayole")


def test_who_is_beaten_at_home_is_not_filed_with_a_bribe(context: Context) -> None:
    bribe = replace(context, is_neutral=True)
    cry = replace(bribe, is_cry=True)
    assert planned("my husband is beating me", bribe, about="case") == Lodge("my husband is beating me")
    assert planned("he said he will kill me", cry, about="case") == Add("case", "he said he will kill me")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nobody told us", AskAgain("case", "appeal", keep=True)),
        ("the taps are still dry", AskAgain("case", "appeal", keep=True)),
        ("street lights are off", Lodge("street lights are off")),
        ("asante", Say(Intent.ACK, "asante")),
        ("APPEAL", Act(Action.APPEAL, "case", "appeal")),
        ("I disagree, appeal", Act(Action.APPEAL, "case", "appeal", "I disagree, appeal")),
    ],
)
def test_words_after_a_rejection_may_be_meant_against_it(context: Context, text: str, expected: Plan) -> None:
    assert planned(text, context, REJECTED) == expected


def test_days_after_a_rejection_words_are_a_complaint(context: Context) -> None:
    late = replace(REJECTED, age=ATTENTION)
    assert planned("nobody told us", context, late) == Lodge("nobody told us")
    assert planned("NEW", context, replace(REJECTED, options=("mo",))) == Split("mo")


def test_who_may_want_no_sms_is_asked_which(context: Context) -> None:
    assert planned("sitaki msg zenu", context, ASKED) == AskStop()
    assert planned("STOP 482915633", context) == AskStop("482915633")
    assert planned("1", context, STOP) == Say(Intent.STOP)
    assert planned("2", context, STOP) == Mute("case")
    assert planned("2", context, replace(STOP, case_id="")) != Mute("")
    assert planned("no", context, STOP) == Say(Intent.HELP)


def test_a_misspelt_keyword_is_asked_about_but_a_complaint_is_lodged(context: Context) -> None:
    assert planned("Satus 12345", context) == AskMeant(Intent.STATUS)
    assert planned("Complian road imeharibika", context) == Lodge("Complian road imeharibika")
    assert planned("Satus 12345", context, ASKED) == Act(Action.ANSWER, "case", "question", "Satus 12345")
    assert planned("yes", context, MEANT) == Meant("mo", is_keyword=True)
    for no in ("no", "2", "mpya"):
        assert planned(no, context, MEANT) == Meant("mo", is_keyword=False)
    assert planned("no water in Kayole", context, MEANT) == Lodge("no water in Kayole")


def test_a_mark_without_a_number_is_for_the_case_that_waits_for_one(context: Context) -> None:
    four = Act(Action.RATE, "case", "rate", facts={"stars": 4})
    assert planned("RATE 4", context, RATE) == four
    assert planned("RATE 4", replace(context, resolved_id="case")) == four
    assert planned("RATE 4", context) == Say(Intent.RATE, "4")
    assert planned("RATE 4 482915633", context) == Say(Intent.STATUS, number="482915633"), "none of theirs"


def test_reopen_without_a_number_is_for_the_case_that_we_asked_about(context: Context) -> None:
    assert planned("REOPEN", replace(context, resolved_id="case")) == Act(Action.REOPEN, "case", "solved")
    assert planned("REOPEN", replace(context, asked_id="case")) == Act(Action.REOPEN, "case", "solved")
    assert planned("REOPEN", context) == Say(Intent.REOPEN)
    another = replace(context, resolved_id="another")
    assert planned("REOPEN", another, SOLVED) == Act(Action.REOPEN, "case", "solved"), "what we asked comes first"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.ASSIGNED, Add("case", "482915633 still dry")),
        (State.PENDING_CITIZEN, Act(Action.ANSWER, "case", "question", "482915633 still dry")),
        (State.RESOLVED, AskAgain("case", "solved", keep=True)),
        (State.CLOSED, AskAgain("case", "solved", keep=True)),
        (State.REJECTED, AskAgain("case", "appeal", keep=True)),
        (State.WITHDRAWN, Lodge("482915633 still dry")),
    ],
)
def test_words_that_name_a_case_are_never_lost(context: Context, state: State, expected: Plan) -> None:
    assert plan_addressed(Addressed("482915633 still dry", "482915633"), "case", state, context) == expected


EVERY_QUESTION = (
    WHAT,
    PLACE,
    ADDED,
    KNOWN,
    SOLVED,
    RATE,
    ASKED,
    UNDO,
    APPEAL,
    DRAFT,
    CALL,
    GUESS,
    REJECTED,
    STOP,
    MEANT,
)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=40),
    st.lists(st.sampled_from(EVERY_QUESTION), max_size=3).map(tuple),
    st.sampled_from([None, "case"]),
)
def test_every_text_has_a_plan(context: Context, text: str, questions: tuple[Question, ...], about: str | None) -> None:
    assert isinstance(planned(text, context, *questions, about=about), get_args(Plan))
