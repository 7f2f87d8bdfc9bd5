from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.keywords import (
    VOCABULARY,
    Addressed,
    Answer,
    AnswerWord,
    Command,
    Intent,
    Vocabulary,
    addressed,
    answer,
    case_digits,
    opening,
    understand,
)

SAMPLES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "sms_samples.jsonl").read_text(encoding="utf-8").splitlines()
]
KEYWORDS = [(" ".join(phrase), Intent(sense.meaning)) for phrase, sense in VOCABULARY.keywords.items()]
ANYTHING = st.text(st.characters(), max_size=80)
WORDS = st.text("bdfgjmnruvwxz", min_size=3, max_size=8)  # no keyword, courtesy or number among them


def intent(text: str) -> Intent:
    return understand(text).intent


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["text"])
def test_real_messages_are_understood(sample: dict[str, Any]) -> None:
    command = understand(sample["text"])
    assert (command.intent, command.number) == (sample["intent"], sample["number"])


@pytest.mark.parametrize(("keyword", "meant"), KEYWORDS)
def test_every_keyword_counts_alone_in_any_dress(keyword: str, meant: Intent) -> None:
    for text in (keyword, keyword.upper(), f" {keyword.title()}!! ", f"Hello, {keyword} please", f"«{keyword}»"):
        assert intent(text) is meant, text


@given(st.sampled_from([keyword for keyword, meant in KEYWORDS if meant in {Intent.STOP, Intent.START}]), WORDS)
def test_stop_and_start_count_only_as_the_whole_message(keyword: str, word: str) -> None:
    assert intent(f"{keyword} {word}") is Intent.TEXT
    assert intent(f"{word} {keyword}") is Intent.TEXT


@given(
    st.sampled_from([keyword for keyword, meant in KEYWORDS if meant in {Intent.HELP, Intent.LANG}]),
    st.lists(WORDS, min_size=2, max_size=6),
)
def test_help_and_lang_take_one_more_word(keyword: str, words: list[str]) -> None:
    assert intent(f"{keyword} {words[0]}") in {Intent.HELP, Intent.LANG}
    assert intent(" ".join([keyword, *words])) is Intent.TEXT


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("STATUS 482915633", "482915633"),
        ("status482915633", "482915633"),
        ("HALI-482-915-633", "482915633"),
        ("hali ya lalamiko 482 915 633", "482915633"),
        ("Fuatilia 4 8 2 9 1 5 6 3 3 tafadhali", "482915633"),
        ("Habari yako. Hali ya #482915633?", "482915633"),
    ],
)
def test_status_takes_up_to_three_words_with_a_number(text: str, number: str) -> None:
    command = understand(text)
    assert (command.intent, command.number) == (Intent.STATUS, number)


@pytest.mark.parametrize(
    "text",
    [
        "Hali ya barabara ni mbaya",
        "Hali mbaya",
        "Status of my street is 3 months dark",
        "Case imekwama miezi 3 sasa bila jibu",
        "Nisaidie, mume wangu ananipiga",
        "Msaada wa chakula haujafika",
        "Stop the dumping in Kayole",
        "Acha kelele",
        "Anza kutuletea maji safi",
        "We have no water",
        "Please help us now",
        "STOP 482915633",
    ],
)
def test_sentences_that_begin_with_a_keyword_are_complaints(text: str) -> None:
    assert understand(text) == Command(Intent.TEXT, text, None, understand(text).why)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("COMPLAIN No water, Lindi!", "No water, Lindi!"),
        ("complain:no water", "no water"),
        ("Tafadhali LALAMIKO - Hakuna maji (wiki 2)", "Hakuna maji (wiki 2)"),
        ("Malalamiko🔥 Kibera", "🔥 Kibera"),
        ("ripoti mũgũnda\nwa pili ", "mũgũnda\nwa pili"),
        ("complaint2 days no water", "2 days no water"),
        ("REPORT please", ""),
    ],
)
def test_a_complaint_keeps_its_words_as_they_were_typed(text: str, argument: str) -> None:
    command = understand(text)
    assert (command.intent, command.argument) == (Intent.COMPLAIN, argument)


def test_lang_hands_over_the_word_and_keywords_their_language() -> None:
    assert understand("lugha tafadhali Kiswahili.") == Command(Intent.LANG, "Kiswahili", None, "keyword", "sw")
    assert understand("LANG").argument == ""


@pytest.mark.parametrize("text", ["", " ", "?", "...", "\n", "👍", "please", "TAFADHALI!", "\u200b"])
def test_a_message_without_words_asks_for_help(text: str) -> None:
    assert intent(text) is Intent.HELP


@pytest.mark.parametrize(
    "text", ["ok", "Sawa", "OK asante sana", "Thank you!", "sawa sawa", "Mungu akubariki", "k pls"]
)
def test_thanks_and_ok_are_no_complaint(text: str) -> None:
    assert intent(text) is Intent.ACK


@pytest.mark.parametrize("text", ["Hello", "habari yako", "Habari za asubuhi?", "hi, good morning", "mambo vipi poa"])
def test_a_greeting_is_no_complaint(text: str) -> None:
    assert intent(text) is Intent.GREETING


@pytest.mark.parametrize("text", ["Asante kwa maji, lakini stima bado", "Habari ya maji Kibera", "ok but no water"])
def test_courtesies_before_a_complaint_leave_it_whole(text: str) -> None:
    assert understand(text) == Command(Intent.TEXT, text, None, "no keyword")


def test_a_case_number_alone_is_text_that_names_it() -> None:
    assert understand(" 482-915-633. ") == Command(Intent.TEXT, "482-915-633.", "482915633", "a number alone")


@given(st.lists(WORDS, min_size=1, max_size=30), st.sampled_from([" ", ", ", " - ", "\n"]))
def test_a_text_that_does_not_begin_with_a_keyword_is_a_complaint(words: list[str], between: str) -> None:
    text = between.join([*words, "stop", "help", "status 482915633"])
    assert understand(text) == Command(Intent.TEXT, text, None, "no keyword")


@given(st.one_of(ANYTHING, st.tuples(st.sampled_from([keyword for keyword, _ in KEYWORDS]), ANYTHING).map("".join)))
def test_no_text_whatever_breaks_it(text: str) -> None:
    command = understand(text)
    assert command.number is None or command.number.isdigit()
    assert command.why
    answer(text)


def test_a_long_row_of_digits_takes_no_time_worth_mentioning() -> None:
    command = understand("STATUS " + "1 " * 10_000)
    assert (command.intent, command.number) == (Intent.STATUS, "111111111")


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("482915633", "482915633"),
        ("482 915 633", "482915633"),
        ("482-915-633", "482915633"),
        ("482.915/633", "482915633"),
        ('#"482915633."', "482915633"),
        ("48 29 15 63 3", "482915633"),
        ("4829I5633", "482915633"),
        ("4829l5 633", "482915633"),
        ("4O2 9i5 633", "402915633"),
        ("ref482915633", "482915633"),
        ("no. 482915633, since 2 weeks", "482915633"),
        ("2 weeks, 482-915-633", "482915633"),
        ("482 915 633 4", "482915633"),
        ("12 345", "12345"),
        ("1234O", "12340"),
        ("٤٨٢٩١٥٦٣٣", "482915633"),
        ("4829156337", "4829156337"),
    ],
)
def test_a_case_number_is_found_however_typed(typed: str, digits: str) -> None:
    assert case_digits(typed) == digits


@pytest.mark.parametrize("text", ["", "hakuna maji", "O I l", "loo", "3days"])
def test_letters_alone_are_no_number(text: str) -> None:
    assert case_digits(text) is None


@given(st.from_regex(r"[0-9]{9}", fullmatch=True), st.sampled_from(["", " ", "-", ".", " - "]), st.data())
def test_nine_digits_are_found_in_any_grouping(number: str, between: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, 8), max_size=4)))
    groups = [number[a:b] for a, b in zip([0, *cuts], [*cuts, 9], strict=True)]
    assert case_digits(f"kesi {between.join(groups)}, asante") == number


@pytest.mark.parametrize(
    ("text", "word", "number"),
    [
        ("1", AnswerWord.YES, None),
        ("Yes please", AnswerWord.YES, None),
        ("NDIYO!", AnswerWord.YES, None),
        ("hapana", AnswerWord.NO, None),
        ("2", AnswerWord.NOT_YET, None),
        ("not yet", AnswerWord.NOT_YET, None),
        ("BADO 482-915-633", AnswerWord.NOT_YET, "482915633"),
        ("mpya", AnswerWord.NEW, None),
        ("1 482915633", AnswerWord.YES, "482915633"),
    ],
)
def test_an_answer_word_is_the_whole_message_or_stands_before_a_number(
    text: str, word: AnswerWord, number: str | None
) -> None:
    assert answer(text) == Answer(word, number)


@pytest.mark.parametrize("text", ["", "3", "no water", "bado hakuna maji", "new road is bad", "482915633", "ok"])
def test_anything_longer_is_no_answer_word(text: str) -> None:
    assert answer(text) is None


def test_adding_a_language_takes_nothing_but_its_words() -> None:
    luo = Vocabulary.of(
        '[keywords.COMPLAIN]\nluo = ["ywak"]\n[keywords.LANG]\nfr = ["langue à parler"]\n'
        '[answers.NO]\nluo = ["ooyo"]\n[courtesies.ACK]\nluo = ["erokamano ahinya"]'
    )
    assert understand("Ywak: pi onge", luo) == Command(Intent.COMPLAIN, "pi onge", None, "keyword", "luo")
    assert understand("LANGUE A PARLER français", luo).argument == "français"
    assert understand("Erokamano ahinya!", luo).intent is Intent.ACK
    assert answer("ooyo", luo) == Answer(AnswerWord.NO, None)
    assert understand("Complain: pi onge", luo).intent is Intent.TEXT


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ('[keywords]\nHELP.en = ["info"]\nSTATUS.sw = ["Info"]\n[answers]\n[courtesies]', "listed under HELP"),
        ('[keywords]\nHELP.en = ["hi"]\n[answers]\n[courtesies]\nGREETING.en = ["hi"]', "'hi' is listed as a keyword"),
    ],
)
def test_a_word_with_two_meanings_is_named(toml: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Vocabulary.of(toml)


def test_a_meaning_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="DANCE"):
        Vocabulary.of('[keywords]\nDANCE.en = ["dance"]\n[answers]\n[courtesies]')


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("2 still no water", AnswerWord.NOT_YET),
        ("BADO hayajafika", AnswerWord.NOT_YET),
        ("No, it is dry again", AnswerWord.NO),
        ("hapana: bado", AnswerWord.NO),
        ("APPEAL they never came", AnswerWord.APPEAL),
        ("rufaa, hawakuja", AnswerWord.APPEAL),
        ("no water since Monday", None),
        ("1 child is sick", None),
        ("new pipe burst", None),
        ("la ajabu ni kwamba hawakuja", None),
        ("2", None),
        ("", None),
    ],
)
def test_an_answer_word_may_open_a_longer_answer(text: str, word: AnswerWord | None) -> None:
    assert opening(text) is word


def test_where_no_is_expected_it_needs_no_sign_after_it() -> None:
    assert opening("no it was not me", AnswerWord.NO) is AnswerWord.NO


@pytest.mark.parametrize(
    ("text", "left", "number"),
    [
        ("2 482915633", "2", "482915633"),
        ("1, 482-915-633", "1", "482915633"),
        ("5 482 915 633", "5", "482915633"),
        ("BADO #482915633 ni chafu", "BADO ni chafu", "482915633"),
        ("not yet 482 915 633, still brown", "not yet still brown", "482915633"),
        ("APPEAL 4829I5633", "APPEAL", "482915633"),
        ("NO 15633", "NO", "15633"),
    ],
)
def test_an_answer_may_name_its_case(text: str, left: str, number: str) -> None:
    assert addressed(text) == Addressed(left, number)


@pytest.mark.parametrize(
    "text",
    ["", "2", "482915633", "STATUS 482915633", "8 482915633", "2 5000 shillings", "no water 482915633", "2 weeks"],
)
def test_anything_else_names_no_case_to_answer_about(text: str) -> None:
    assert addressed(text) is None


@given(ANYTHING)
def test_no_text_whatever_breaks_a_longer_answer(text: str) -> None:
    opening(text)
    found = addressed(text)
    assert found is None or found.number.isdigit()


@pytest.mark.parametrize(
    "text", ["ME TOO 482915633", "metoo482915633", "Mimi pia 482 915 633", "add me to 482-915-633"]
)
def test_me_too_takes_the_number_of_a_case(text: str) -> None:
    command = understand(text)
    assert (command.intent, command.number) == (Intent.JOIN, "482915633")


@pytest.mark.parametrize("text", ["Mimi pia sina maji", "me too we have no water", "na mimi nalalamika"])
def test_me_too_opens_ordinary_sentences(text: str) -> None:
    assert intent(text) is Intent.TEXT


@pytest.mark.parametrize(
    "text", ["CALL ME", "call", "Please call me back", "NIPIGIE SIMU!", "naomba mnipigie", "Agent"]
)
def test_to_be_called_is_a_message_of_its_own(text: str) -> None:
    assert intent(text) is Intent.AGENT


@pytest.mark.parametrize(
    "text",
    [
        "Call the police, they are beating him",
        "call me on 0722000000 about my water bill",
        "officer at the gate asked for money",
        "nipigie umeme umekatika",
        "afisa wa ardhi ameitisha pesa",
        "human waste in the river",
    ],
)
def test_sentences_about_calls_and_officers_are_complaints(text: str) -> None:
    assert intent(text) is Intent.TEXT
