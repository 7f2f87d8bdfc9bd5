"""What free text is about: measured on texts as people send them, and the traps one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.triage import ENOUGH, Suggestion, is_delicate, suggest
from packs import Pack
from packs.places import PlaceIndex, place_index

# Made up by people who know how texts look. Categories were labelled before the lexicon read them; the rest by hand.
TEXTS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "triage.jsonl").read_text().splitlines()
]
Read = Callable[..., Suggestion]


@dataclass(frozen=True)
class Measured:
    """How often something was suggested where there was something to suggest, and how often that was right."""

    right: int
    suggested: int
    covered: int
    labelled: int

    @property
    def precision(self) -> float:
        return self.right / self.suggested

    @property
    def coverage(self) -> float:
        return self.covered / self.labelled


@pytest.fixture(scope="session")
def places(ke: Pack) -> PlaceIndex:
    return place_index(ke)


@pytest.fixture
def read(ke: Pack, places: PlaceIndex) -> Read:
    def read(words: str, near: str | None = None) -> Suggestion:
        return suggest(ke, places, words, ke.places[near] if near else None)

    return read


def measured(read: Read, what: str, among: Callable[[dict[str, Any]], bool] = lambda _: True) -> Measured:
    pairs = [(text.get(what), getattr(read(text["text"]), what)) for text in TEXTS if among(text)]
    return Measured(
        right=sum(got == label for label, got in pairs if got),
        suggested=sum(got is not None for _, got in pairs),
        covered=sum(got is not None for label, got in pairs if label),
        labelled=sum(label is not None for label, _ in pairs),
    )


def test_categories_are_right_nine_times_in_ten_and_suggested_for_most_complaints(ke: Pack, read: Read) -> None:
    found = measured(read, "category")
    assert len(TEXTS) >= 300
    assert {text["category"] for text in TEXTS} == {None, *ke.categories}
    assert found.precision >= 0.9, found
    assert found.coverage >= 0.6, found


def test_sub_categories_are_right_nine_times_in_ten(read: Read) -> None:
    found = measured(read, "sub", among=lambda text: "sub" in text)
    assert found.precision >= 0.9, found
    assert found.coverage >= 0.6, found


def test_languages_are_right_nine_times_in_ten(read: Read) -> None:
    pairs = [(text["lang"], read(text["text"]).language) for text in TEXTS if "lang" in text]
    told = [label == got for label, got in pairs if got]
    assert sum(told) / len(told) >= 0.9
    assert len(told) / len(pairs) >= 0.8


def test_places_are_suggested_only_where_they_are_sure(read: Read) -> None:
    found = [(text["text"], text.get("place"), read(text["text"]).place) for text in TEXTS]
    assert [one for one in found if one[1] != one[2]] == []


def test_nearly_all_that_cannot_wait_is_seen(read: Read) -> None:
    urgent = [read(text["text"]).urgent for text in TEXTS if text["urgent"]]
    others = [read(text["text"]).urgent for text in TEXTS if not text["urgent"]]
    assert sum(urgent) / len(urgent) >= 0.9
    assert sum(others) / len(others) <= 0.02


def test_no_greeting_advertisement_or_receipt_becomes_a_complaint(read: Read) -> None:
    assert [text["text"] for text in TEXTS if text["category"] is None and read(text["text"]).category] == []


def test_bribes_are_always_left_to_a_person(read: Read) -> None:
    bribes = [read(text["text"]) for text in TEXTS if text["category"] == "bribery"]
    assert all(suggestion.sensitive for suggestion in bribes if suggestion.category == "bribery")
    assert sum(suggestion.sensitive for suggestion in bribes) / len(bribes) >= 0.8


@pytest.mark.parametrize(
    ("words", "category", "sub"),
    [
        ("maji hakuna", "water", "water.none"),
        ("HAKUNA MAJI!!!", "water", "water.none"),
        ("hakunaaaa maji", "water", "water.none"),
        ("maji machafu kayole", "water", "water.dirty"),
        ("maji taka kayole", "waste", "waste.sewer"),
        ("taa zimepotea", "power", "power.none"),
        ("taa za barabarani zimepotea", "roads", "roads.lights"),
        ("transformer ya hapa imelipuka", "power", "power.transformer"),
        ("tranformer imelipuka", "power", "power.transformer"),
        ("waya ya stima imeanguka", "power", "power.fallen_line"),
        ("hakuna dawa kwa zahanati", "health", "health.medicine"),
        ("wanauza dawa za kulevya", "police", "police.insecurity"),
        ("basari ya CDF", "school", "school.cdf_bursary"),
        ("bursary ya county", "school", "school.county_bursary"),
        ("kitambulisho kimepotea", "id", "id.lost"),
        ("gari yangu imefungwa mnyororo na kanjo", "tax", "tax.clamping"),
        ("Maaĩ matirĩ gũkũ", "water", None),
        ("taka", "waste", None),
    ],
)
def test_the_words_that_people_use_tell_what_it_is(read: Read, words: str, category: str, sub: str | None) -> None:
    suggestion = read(words)
    assert (suggestion.category, suggestion.sub) == (category, sub)


def test_chai_is_a_bribe_where_an_officer_wants_it_and_tea_at_breakfast(read: Read) -> None:
    bribe = read("askari anataka chai ndio aniachilie")
    assert (bribe.category, bribe.sub, bribe.sensitive) == ("bribery", "bribery.asked", True)
    tea = read("tulikunywa chai ya asubuhi")
    assert (tea.category, tea.sensitive) == (None, False)


def test_where_something_is_does_not_tell_what_it_is(read: Read) -> None:
    assert read("maji taka karibu na shule").category == "waste"
    assert read("nguzo ya stima imeanguka karibu na hospitali").category == "power"


def test_good_news_is_no_complaint(read: Read) -> None:
    assert read("asante sana maji yamerudi").category is None


def test_two_that_are_as_likely_suggest_neither(read: Read) -> None:
    suggestion = read("maji na stima")
    assert (suggestion.category, suggestion.score, suggestion.because) == (None, 0.0, ())


def test_violence_at_home_is_urgent_and_left_to_a_person(read: Read) -> None:
    suggestion = read("Nisaidie mume wangu ananipiga")
    assert (suggestion.category, suggestion.urgent, suggestion.sensitive) == ("police", True, True)


def test_a_score_rises_with_what_is_said_and_falls_with_what_speaks_against_it(read: Read) -> None:
    weak, strong = read("maji"), read("maji hakuna bomba kavu")
    torn = read("maji hakuna hospitali")
    assert ENOUGH <= weak.score < strong.score < 1
    assert torn.score < read("maji hakuna").score


def test_because_names_entries_of_the_lexicon_and_nothing_that_was_written(read: Read) -> None:
    suggestion = read("Mimi ni Wanjiku Kamau 0712345678, transfomaaa imelipuka na stima yetu hakuna")
    assert suggestion.because == ("transfo*", "stima", "stima + hakuna")
    assert not {"wanjiku", "kamau", "0712345678"} & set(" ".join(suggestion.because).split())


@pytest.mark.parametrize(
    ("words", "near", "place"),
    [
        ("maji hakuna Kayole", None, "kayole"),
        ("stima imepotea mtaa wetu", None, None),  # "mtaa" is not Mata
        ("hakuna maji majengo", None, None),  # one of six
        ("hakuna maji majengo", "kibera", "majengo-nairobi"),
        ("hakuna maji majengo nyeri", "kibera", "majengo-nyeri"),
        ("barabara ya Rongai", None, "ongata-rongai"),  # known all over the country
        ("maji hakuna kiambu", None, "022"),  # the town or its county: this much is sure
        ("kutoka Kayole hadi Mombasa hakuna stima", None, None),  # too far apart
        ("kutoka Kayole hadi Kibera hakuna stima", None, "047"),
        ("maji hakuna sisi wote", None, None),  # Wote is a town; here it is "all of us"
        ("passport yangu iko nyayo house", None, "nyayo-house"),
        ("maji hakuna karibu na nyayo house", None, None),  # an office counts where one applied at one
        ("mashimo kwa Thika road", None, None),
    ],
)
def test_a_place_is_its_whole_name_where_that_is_only_one(
    read: Read, words: str, near: str | None, place: str | None
) -> None:
    assert read(words, near).place == place


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("maji hakuna hapa kwetu", "sw"),
        ("we have had no water since Monday", "en"),
        ("pi onge", "luo"),
        ("Bishaan hin jiru", "om"),
        ("passport", None),
        ("0712 345 678", None),
    ],
)
def test_the_language_is_told_by_the_words_that_hold_sentences_together(
    read: Read, words: str, language: str | None
) -> None:
    assert read(words).language == language


def test_a_pack_without_a_lexicon_suggests_nothing(ke: Pack, places: PlaceIndex) -> None:
    assert suggest(replace(ke, lexicon=()), places, "maji hakuna") == Suggestion()


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(
                ["maji", "hakuna", "stima", "chai", "askari", "500", "kayole", "majengo", "+", "*", "#", "|"]
            )
        ).map(" ".join),
    )
)
def test_any_text_whatever_is_read(ke: Pack, places: PlaceIndex, words: str) -> None:
    suggestion = suggest(ke, places, words)
    spellings = {way for term in ke.lexicon for part in term.parts for way in part}
    assert 0 <= suggestion.score < 1
    assert (suggestion.category is None) == (suggestion.score == 0)
    assert suggestion.sub is None or ke.subs[suggestion.sub].category == suggestion.category
    assert all(set(entry.split(" + ")) <= spellings for entry in suggestion.because)
    assert suggestion.place is None or suggestion.place in ke.places


# What may be said aloud


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("maji hakuna Kayole", "kayole"),
        ("no water in kawangware since tuesday,pls help us", "kawangware"),
        ("Hakuna maji Majengo Nairobi", "majengo-nairobi"),
        ("mtaro umeziba, barabara ya kwenda Rongai, hapa Kayole", "kayole"),
        ("taka Kisumu", "042"),
        ("passport delayed nyayo house", "nyayo-house"),
    ],
)
def test_one_name_of_one_place_is_certain(read: Read, words: str, place: str) -> None:
    assert (read(words).certain, read(words).namesakes) == (place, ())


@pytest.mark.parametrize(
    "words",
    [
        "Barabara ya kwenda Rongai imejaa mashimo",
        "gari zinaharibika tukielekea mjini, njia ya Ngong",
        "the road to Kisii is flooded",
        "Jogoo Road has potholes",
        "hakuna stima kuelekea Kayole",
        "hakuna maji Kayole na Dandora",
        "hakuna maji hapa kwetu",
    ],
)
def test_where_a_road_leads_and_one_of_several_places_are_not_certain(read: Read, words: str) -> None:
    assert (read(words).certain, read(words).namesakes) == (None, ())


def test_a_name_that_several_places_bear_is_left_to_the_citizen(read: Read) -> None:
    assert read("no water umoja").certain is None
    assert read("no water umoja").namesakes == ("umoja", "0868")
    assert read("no water umoja", near="kayole").certain == "umoja", "the one in their own county"
    assert len(read("shida ya maji majengo").namesakes) == 6


def test_a_place_far_from_where_they_live_is_not_certain_unless_they_say_its_county(read: Read) -> None:
    assert read("hakuna maji Kayole", near="042").certain is None
    assert read("hakuna maji Kayole Nairobi", near="042").certain == "kayole"


@pytest.mark.parametrize(
    ("words", "delicate"),
    [
        ("the chief asked for a bribe", True),
        ("polisi waliniitisha pesa Kayole", True),  # the police, and it does not say what
        ("Nisaidie mume wangu ananipiga", True),
        ("majambazi wana bunduki Kayole", True),
        ("nimebakwa", True),
        ("mzae ananidunda", True),
        ("mtoto anapigwa na baba yake", True),
        ("the teacher touched my daughter", True),
        ("daktari alitaka pesa ya siri", True),
        ("Someone stole my phone", False),
        ("waya wa stima umeanguka", False),
        ("hakuna maji", False),
        ("", False),
    ],
)
def test_what_no_sms_may_speak_of(ke: Pack, read: Read, words: str, delicate: bool) -> None:
    assert is_delicate(read(words), ke) is delicate


@pytest.mark.parametrize(
    "words",
    [
        "nimebakwa", "I want to kill myself", "mtoto anapigwa na baba yake", "gang attacked us with guns",
        "wanachoma mtu hapa", "building collapse Huruma", "nyumba imeporomoka", "gas leak Kibera",
        "mtoto amekunywa sumu", "mama anajifungua hapa", "fire in Gikomba",
    ],
)  # fmt: skip
def test_words_of_danger(read: Read, words: str) -> None:
    assert read(words).urgent
