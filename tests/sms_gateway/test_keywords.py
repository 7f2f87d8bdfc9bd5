from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.keywords import (
    A_MONEY_RECEIPT,
    A_PICTURE,
    SENT_BACK,
    VOCABULARY,
    Addressed,
    Answer,
    AnswerWord,
    Command,
    Intent,
    Vocabulary,
    addressed,
    answer,
    opening,
    understand,
)
from sms_gateway.typed import case_digits

KEYWORDS = [(" ".join(phrase), Intent(sense.meaning)) for phrase, sense in VOCABULARY.keywords.items()]
RECEIPT = (
    "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE WANJIKU 0712345678 on 3/2/26 at 6:43 PM. New M-PESA balance is "
    "Ksh1,204.50. Transaction cost, Ksh7.00."
)
ANYTHING = st.text(st.characters(), max_size=80)
WORDS = st.text("bdfgjmnruvwxz", min_size=3, max_size=8)  # no keyword, courtesy or number among them


def intent(text: str) -> Intent:
    return understand(text).intent


@pytest.mark.parametrize(("keyword", "meant"), KEYWORDS)
def test_every_keyword_counts_alone_in_any_dress(keyword: str, meant: Intent) -> None:
    with_mark = f"{keyword} 4" if meant is Intent.RATE else keyword
    dressed = (with_mark.upper(), f" {with_mark.title()}!! ", f"Hello, {with_mark} please", f"«{with_mark}»")
    for text in (with_mark, *dressed):
        assert intent(text) is meant, text
        assert not understand(text).confirm, text


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
        "Rate ya maji imepanda mara 3",
        "Rate 7",
        "Nisaidieni kuna moto nyumbani",
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
    assert understand(text) == Command(Intent.TEXT, text, "482915633", "no keyword")


@given(st.one_of(ANYTHING, st.tuples(st.sampled_from([keyword for keyword, _ in KEYWORDS]), ANYTHING).map("".join)))
def test_no_text_whatever_breaks_it(text: str) -> None:
    command = understand(text)
    assert command.number is None or command.number.isdigit()
    assert command.why
    answer(text)


def test_a_long_row_of_digits_takes_no_time_worth_mentioning() -> None:
    command = understand("STATUS " + "1 " * 1_900)
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
    assert understand("Ywak: pi onge", vocabulary=luo) == Command(Intent.COMPLAIN, "pi onge", None, "keyword", "luo")
    assert understand("LANGUE A PARLER français", vocabulary=luo).argument == "français"
    assert understand("Erokamano ahinya!", vocabulary=luo).intent is Intent.ACK
    assert answer("ooyo", vocabulary=luo) == Answer(AnswerWord.NO, None)
    assert understand("Complain: pi onge", vocabulary=luo).intent is Intent.TEXT


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
    "text", ["CALL ME", "call", "Please call me back", "NIPIGIE SIMU!", "naomba mnipigie", "Agent", "agent now"]
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
        "Officer wananisumbua",
        "afisa mlaghai",
    ],
)
def test_sentences_about_calls_and_officers_are_complaints(text: str) -> None:
    assert intent(text) is Intent.TEXT


# In their own language


@pytest.mark.parametrize(
    ("text", "language", "meant"),
    [
        ("we", "luo", Intent.STOP),
        ("ũhoro", "ki", Intent.STATUS),
        ("UHORO 482915633", "ki", Intent.STATUS),
        ("luka", "kam", Intent.LANG),
        ("naam", "kln", Intent.START),
        ("chi", "kln", Intent.AGENT),
        ("note 4", "fr", Intent.RATE),
    ],
)
def test_a_word_that_is_another_in_the_next_language_counts_only_in_its_own(
    text: str, language: str, meant: Intent
) -> None:
    assert understand(text, language).intent is meant
    for other in (None, "en", "sw", "om"):
        assert understand(text, other).intent is Intent.TEXT, other


def test_an_answer_may_be_a_word_of_one_language_only() -> None:
    assert answer("miti", "om") == Answer(AnswerWord.NO, None)
    assert answer("miti", "sw") is None, "trees"
    assert answer("naam") == Answer(AnswerWord.YES, None)


def test_scoped_words_do_not_hide_those_of_everybody() -> None:
    for language in ("luo", "ki", "kam", "kln", "fr"):
        assert understand("STOP", language).intent is Intent.STOP
        assert understand("msaada", language).intent is Intent.HELP


# What is likely but not sure


@pytest.mark.parametrize(
    ("text", "meant", "number"),
    [
        ("Complian road imeharibika", Intent.COMPLAIN, None),
        ("complan no water", Intent.COMPLAIN, None),
        ("Lalamkio maji hakuna", Intent.COMPLAIN, None),
        ("Satus 12345", Intent.STATUS, "12345"),
        ("satus482915633", Intent.STATUS, "482915633"),
        ("Staus", Intent.STATUS, None),
        ("fuatlia 482 915 633", Intent.STATUS, "482915633"),
        ("msada", Intent.HELP, None),
        ("Lugah kiswahili", Intent.LANG, None),
        ("repoen 482915633", Intent.REOPEN, "482915633"),
        ("apeal 482915633", Intent.APPEAL, "482915633"),
        ("nipigei", Intent.AGENT, None),
    ],
)
def test_one_typing_mistake_is_asked_about(text: str, meant: Intent, number: str | None) -> None:
    command = understand(text)
    assert (command.intent, command.number, command.confirm) == (meant, number, True)


@pytest.mark.parametrize(
    "text", ["stpo", "stopp", "sotp", "strat", "ahca", "sitiasha", "hlep", "hela", "helo", "satsu 1234"]
)
def test_stop_and_start_and_short_words_are_never_guessed(text: str) -> None:
    assert intent(text) is Intent.TEXT


LONG_KEYWORDS = [word for word, _ in VOCABULARY.forgiving if word.isascii()]


@given(st.sampled_from(LONG_KEYWORDS), st.data())
def test_any_one_slip_in_a_long_keyword_is_near_it(keyword: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(keyword) - 2))
    letter = data.draw(st.sampled_from("qxj"))
    slips = (
        keyword[:at] + keyword[at + 1 :],
        keyword[:at] + letter + keyword[at:],
        keyword[:at] + letter + keyword[at + 1 :],
        keyword[:at] + keyword[at + 1] + keyword[at] + keyword[at + 2 :],
    )
    for slip in slips:
        language = next(sense.language for word, sense in VOCABULARY.forgiving if word == keyword)
        is_a_word = (slip,) in VOCABULARY.keywords or (slip,) in VOCABULARY.answers or slip in VOCABULARY.ordinary
        assert is_a_word or slip == keyword or VOCABULARY.meant(slip, language), slip


@given(st.sampled_from(LONG_KEYWORDS), st.text("qxjvz", min_size=2, max_size=3))
def test_two_slips_are_another_word(keyword: str, letters: str) -> None:
    assert not VOCABULARY.meant(letters + keyword, "en")


@pytest.mark.parametrize(
    "text",
    [
        "sitaki msg zenu",
        "SITAKI SMS TENA",
        "acha kunitumia sms",
        "Acheni kunitumia ujumbe tafadhali",
        "stop sending me messages",
        "Please don't text me again",
        "no more sms",
        "msinitumie meseji",
        "remove me from your sms list",
        "Stop - John",
        "STOP. Mama Njeri",
    ],
)
def test_who_wants_no_messages_in_other_words_is_asked(text: str) -> None:
    command = understand(text)
    assert (command.intent, command.confirm, command.number) == (Intent.STOP, True, None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("STOP 12345", "12345"),
        ("stop 482-915-633", "482915633"),
        ("Acha lalamiko 482915633", "482915633"),
        ("482915633 stop", "482915633"),
        ("stop case number 482 915 633 please", "482915633"),
    ],
)
def test_stop_with_a_case_number_is_asked_about(text: str, number: str) -> None:
    command = understand(text)
    assert (command.intent, command.confirm, command.number) == (Intent.STOP, True, number)


@pytest.mark.parametrize("text", ["stop 5 days no water", "STOP 0712345678", "acha 2", "stop the 482915633 people"])
def test_other_numbers_after_stop_are_no_case(text: str) -> None:
    assert intent(text) is Intent.TEXT


def test_a_keyword_said_again_and_again_is_said_once() -> None:
    assert intent("HELP! HELP! HELP!") is Intent.HELP
    assert understand("stop stop stop") == understand("stop")


# RATE, REOPEN, APPEAL


@pytest.mark.parametrize(
    ("text", "mark", "number", "confirm"),
    [
        ("RATE 4", "4", None, False),
        ("rate five", "5", None, False),
        ("rate5", "5", None, False),
        ("Rate: 3 stars", "3", None, False),
        ("rate 4/5", "4", None, False),
        ("RATE 2 out of 5", "2", None, False),
        ("RATE 5 482-915-633", "5", "482915633", False),
        ("rate 482915633 5", "5", "482915633", False),
        ("482 915 633 rate 5", "5", "482915633", False),
        ("kadiria tano", "5", None, False),
        ("nawapa 3", "3", None, True),
        ("I give you 4 stars", "4", None, True),
    ],
)
def test_a_rating_is_a_digit_from_one_to_five(text: str, mark: str, number: str | None, confirm: bool) -> None:
    command = understand(text)
    assert (command.intent, command.argument, command.number, command.confirm) == (Intent.RATE, mark, number, confirm)


@pytest.mark.parametrize(
    "text", ["RATE", "rate 0", "rate 6", "rate 10", "nawapa 3 days", "rate ya maji 5", "rate 2 buckets"]
)
def test_without_such_a_digit_there_is_no_rating(text: str) -> None:
    assert intent(text) is Intent.TEXT


@pytest.mark.parametrize(
    ("text", "number", "confirm"),
    [
        ("REOPEN", None, False),
        ("REOPEN 12345", "12345", False),
        ("Fungua tena 482 915 633", "482915633", False),
        ("BADO 482915633", "482915633", False),
        ("bado 482915633 hawajafika kabisa hadi leo", "482915633", False),
        ("482915633 bado", "482915633", False),
        ("NOT YET 15633", "15633", False),
        ("sio kweli hamjatengeneza stima 12345", "12345", True),
        ("not fixed 482915633 still dark", "482915633", False),
        ("It is not true, 482915633 is still dark", "482915633", True),
    ],
)
def test_what_is_not_solved_is_opened_again(text: str, number: str | None, confirm: bool) -> None:
    command = understand(text)
    assert (command.intent, command.number, command.confirm) == (Intent.REOPEN, number, confirm)


@pytest.mark.parametrize(
    "text", ["APPEAL 482915633", "Rufaa 482-915-633 hawakuja", "482915633 RUFAA", "nakata rufaa 15633"]
)
def test_an_appeal_names_its_case(text: str) -> None:
    command = understand(text)
    assert command.intent is Intent.APPEAL
    assert command.number is not None
    assert command.number.endswith("15633")


@pytest.mark.parametrize("text", ["bado", "BADO!", "not yet", "appeal", "rufaa", "YES", "no", "mpya", "1", "5"])
def test_answers_alone_are_text_until_something_is_asked(text: str) -> None:
    assert intent(text) is Intent.TEXT


# Numbers


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("four eight two nine one five six three three", "482915633"),
        ("four eight two, nine one five, six double three", "482915633"),
        ("nne nane mbili tisa moja tano sita tatu tatu", "482915633"),
        ("nne nane mbili 915 six three three", "482915633"),
        ("4 8 2 9 l 5 6 3 3", "482915633"),
        ("4 O 2 9 1 5 6 3 3", "402915633"),
        ("482915633 or 0712345678", "482915633"),
        ("0712 345 678, 482 915 633", "482915633"),
        ("2 of us, number four eight two nine one five six three three", "482915633"),
    ],
)
def test_a_case_number_may_be_spelled_out_in_english_and_swahili(typed: str, digits: str) -> None:
    assert case_digits(typed) == digits


@pytest.mark.parametrize(
    "text", ["one of two roads", "wiki mbili sasa", "0712345678", "+254 712 345 678", "254712345678"]
)
def test_a_few_spelled_digits_and_phones_are_no_number(text: str) -> None:
    assert case_digits(text) is None


def test_a_text_names_a_case_only_by_a_number_that_can_be_ours() -> None:
    assert understand("482915633 still no water").number == "482915633"
    assert understand("Meter 482915634 is dead").number is None, "the check digit is wrong"
    assert understand("COMPLAIN meter 37123456789 is dead").number is None


def test_a_complaint_with_a_number_and_nothing_else_asks_how_it_stands() -> None:
    command = understand("Lalamiko 482-915-633")
    assert (command.intent, command.number) == (Intent.STATUS, "482915633")
    assert understand("COMPLAINT 12345").intent is Intent.COMPLAIN, "it may be a meter, or a plot"


@pytest.mark.parametrize("text", ["482915633 status", "482-915-633. HALI?", "482 915 633 me too"])
def test_the_number_may_come_first(text: str) -> None:
    command = understand(text)
    assert command.intent in {Intent.STATUS, Intent.JOIN}
    assert command.number == "482915633"


@pytest.mark.parametrize(
    "text", ["Lugha ya Kiswahili", "LANG to Kiswahili", "language: kiswahili", "badilisha lugha Kiswahili"]
)
def test_a_language_may_be_named_in_a_phrase(text: str) -> None:
    command = understand(text)
    assert (command.intent, command.argument.casefold()) == (Intent.LANG, "kiswahili")
    assert intent("Lugha ya matusi") is Intent.TEXT


# What is not theirs


@pytest.mark.parametrize(
    ("text", "meant", "number"),
    [
        ("STATUS 12345 from John Kamau Kayole", Intent.STATUS, "12345"),
        ("STATUS 482915633 - john", Intent.STATUS, "482915633"),
        ("status\n--\nWanjiku", Intent.STATUS, None),
        ("HALI 482915633. Ahsante. Wanjiku", Intent.STATUS, "482915633"),
        ("call me\nSent from my iPhone", Intent.AGENT, None),
        ("LANG SW\n\nGet Outlook for Android", Intent.LANG, None),
        ("Ahsante. Wanjiku", Intent.ACK, None),
    ],
)
def test_a_signature_counts_for_nothing(text: str, meant: Intent, number: str | None) -> None:
    command = understand(text)
    assert (command.intent, command.number, command.confirm) == (meant, number, False)


def test_what_a_machine_adds_below_leaves_stop_sure() -> None:
    command = understand("Stop\n\nSent from my Samsung Galaxy smartphone.")
    assert (command.intent, command.confirm) == (Intent.STOP, False)


@pytest.mark.parametrize(
    "text", ["Msaada - moto nyumba jirani", "Help - House Fire Kayole", "Hali mbaya - Kayole Estate"]
)
def test_what_stands_behind_a_dash_may_be_the_complaint(text: str) -> None:
    assert intent(text) is Intent.TEXT


@pytest.mark.parametrize(
    "text",
    [
        "Fwd: Your case number is 482915633. We will send you an SMS.",
        "Mlango: Complaint 482-915-633 received: No water, Kayole. Sent to NCWSC. Reply to add details.",
        "Complaint 482-915-633 received: No water, Kayole.",
        "Mlango: Tumepokea lalamiko 482-915-633: Hakuna maji, Kayole. NCWSC watajibu kufikia 03/02/2026.",
        "FW: lalamiko langu 482915633",
    ],
)
def test_our_own_sms_sent_back_asks_how_that_case_stands(text: str) -> None:
    command = understand(text)
    assert (command.intent, command.number, command.why) == (Intent.STATUS, "482915633", SENT_BACK)


@pytest.mark.parametrize(
    "text", ["<MMS>", "[Image]", "\ufffc", "You have received a multimedia message from +254712345678"]
)
def test_what_is_left_of_a_picture_asks_for_help(text: str) -> None:
    assert understand(text) == Command(Intent.HELP, "", None, A_PICTURE)


def test_words_beside_a_picture_are_the_text() -> None:
    assert understand("\ufffc maji chafu Kayole").argument == "maji chafu Kayole"


def test_a_money_receipt_alone_is_nobodys_complaint() -> None:
    assert understand(f"{RECEIPT}") == Command(Intent.TEXT, "", None, A_MONEY_RECEIPT)


def test_of_a_receipt_with_words_the_words_are_kept() -> None:
    command = understand(f"{RECEIPT} nimelipa lakini token haijakuja")
    assert (command.intent, command.number, command.why) == (Intent.TEXT, None, A_MONEY_RECEIPT)
    assert command.argument == "[M-PESA] nimelipa lakini token haijakuja"


def test_a_text_longer_than_any_sms_is_text() -> None:
    assert intent("COMPLAIN " + "maji " * 2_000) is Intent.TEXT
    assert intent(" " * 9_000) is Intent.HELP
    assert answer("1" + " 2" * 9_000) is None
