"""Finding a place by the letters one types, and naming it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locales.gsm7 import septets
from packs import Pack, Place
from packs.places import EVERYWHERE, LONG, OFFICES, SHORT, PlaceIndex, fold, label, place_index, short_name

ALL = 10_000  # a limit that cuts nothing off


def labels(index: PlaceIndex, pack: Pack, query: str, near: Place | None = None, limit: int = 24) -> list[str]:
    return [label(place, pack) for place in index.find(query, near=near, limit=limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("KIB", "Kibera (Kibra), Nairobi"),
        ("kibra", "Kibera (Kibra), Nairobi"),
        ("rongai", "Ongata Rongai, Kajiado"),
        ("githurai 44", "Githurai 44, Nairobi"),
        ("githurai44", "Githurai 44, Nairobi"),
        ("Githurai 45", "Githurai 45, Kiambu"),
        ("kayole", "Kayole, Nairobi"),
        ("lindi", "Lindi (Kibra), Nairobi"),
        ("mji wa kale", "Old Town (Mvita), Mombasa"),
        ("nyali", "Nyali, Mombasa"),
        ("ngombe", "Ng'ombeni, Kwale"),
        ("langata", "Lang'ata, Nairobi"),
        ("south c", "South C, Nairobi"),
        ("thika", "Thika, Kiambu"),
        ("eld", "Eldoret, Uasin Gishu"),
        ("kisumu", "Kisumu"),
        ("mukuru", "Mukuru kwa Njenga, Nairobi"),
        ("tao", "Nairobi CBD (Starehe)"),
        ("pipeline", "Pipeline, Nairobi"),
    ],
)
def test_the_first_answer_is_what_most_people_mean(index: PlaceIndex, ke: Pack, typed: str, first: str) -> None:
    assert labels(index, ke, typed)[0] == first


def test_both_rongais_are_offered(index: PlaceIndex, ke: Pack) -> None:
    assert labels(index, ke, "Rongai") == ["Ongata Rongai, Kajiado", "Rongai, Nakuru"]


def test_ones_own_county_comes_first(index: PlaceIndex, ke: Pack) -> None:
    assert labels(index, ke, "majengo", near=ke.places["033"])[0] == "Majengo (Narok North)"
    assert labels(index, ke, "rongai", near=ke.places["032"])[0] == "Rongai, Nakuru"


def test_a_whole_name_beats_a_beginning_and_that_a_later_word(index: PlaceIndex, ke: Pack) -> None:
    assert labels(index, ke, "kisumu") == [
        "Kisumu",
        "Kisumu County",
        "Kisumu Central",
        "Kisumu East",
        "Kisumu West",
        "Kisumu Ndogo, Nairobi",
        "Kisumu North (Kisumu West)",
        "Central Kisumu",
        "North West Kisumu",
        "South West Kisumu",
        "West Kisumu (Kisumu West)",
    ]


@pytest.mark.parametrize("typed", ["lindi kibra", "kibra lindi", "LINDI nairobi", "nairobi, lin"])
def test_the_area_may_be_named_too_in_any_order(index: PlaceIndex, ke: Pack, typed: str) -> None:
    assert labels(index, ke, typed) == ["Lindi (Kibra), Nairobi"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("kawangwre", "Kawangware, Nairobi"), ("eldorett", "Eldoret, Uasin Gishu"), ("nyeeri", "Nyeri")],
)
def test_small_typing_errors_are_forgiven(index: PlaceIndex, ke: Pack, typed: str, meant: str) -> None:
    assert meant in labels(index, ke, typed)


@pytest.mark.parametrize("typed", ["", "  ", "?!", "zzz", "xqwkp", "zzzzzzzz", "شارع", "💧"])
def test_nothing_is_found_where_nothing_is_meant(index: PlaceIndex, typed: str) -> None:
    assert index.find(typed) == []


def test_a_place_is_listed_once_although_it_is_ward_and_constituency(index: PlaceIndex, ke: Pack) -> None:
    assert labels(index, ke, "kibra") == ["Kibera (Kibra), Nairobi"]
    assert labels(index, ke, "kasarani") == ["Kasarani, Nairobi"]
    assert [place.kind for place in index.find("kasarani", kinds=frozenset({"ward"}))] == ["ward"]


def test_no_list_shows_the_same_words_for_two_places(index: PlaceIndex, ke: Pack) -> None:
    shown = [place for place in ke.places.values() if index.stand_in(place) == place]
    words = [label(place, ke) for place in shown]
    assert sorted(words) == sorted(set(words))


def test_offices_are_found_only_where_they_are_asked_for(index: PlaceIndex, ke: Pack) -> None:
    assert index.find("NYA", kinds=OFFICES)[0].name == "Nyayo House"
    assert all(place.kind == "office" for place in index.find("kis", kinds=OFFICES))
    assert all(place.kind != "office" for place in index.find("nya", limit=ALL))


def test_offices_come_before_the_towns_they_stand_in(index: PlaceIndex) -> None:
    found = index.find("kisumu", kinds=OFFICES | {"town"}, limit=ALL)
    kinds = [place.kind for place in found]
    assert kinds == sorted(kinds)  # "office" < "town"
    assert {"office", "town"} == set(kinds)
    assert index.find("NYA", kinds=OFFICES | {"town"})[0].name == "Nyayo House"


def test_an_office_of_another_agency_is_left_out(index: PlaceIndex) -> None:
    offices = {place.name for place in index.find("kisumu", kinds=OFFICES, serving="IMMIGRATION")}
    assert {"Immigration Kisumu", "Huduma Kisumu"} <= offices
    assert "KRA Kisumu" not in offices


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_place_is_found_by_its_name_and_by_its_first_letters(
    data: st.DataObject, index: PlaceIndex, ke: Pack
) -> None:
    place = data.draw(st.sampled_from(sorted(ke.places.values(), key=lambda place: place.code)))
    kinds = OFFICES if place.kind == "office" else EVERYWHERE
    given_for_it = index.stand_in(place)
    for name in (place.name, *place.also):
        letters = data.draw(st.sampled_from([name, name.upper(), name.lower(), name[:3], f"  {name}."]))
        assert given_for_it in index.find(letters, kinds=kinds, limit=ALL)


@given(data=st.data(), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_every_place_is_found_by_its_words_in_any_order(
    data: st.DataObject, seed: int, index: PlaceIndex, ke: Pack
) -> None:
    several = [place for place in ke.places.values() if place.kind == "ward" and " " in place.name]
    place = data.draw(st.sampled_from(several))
    words = [*fold(place.name).split(), *fold(ke.places[place.county or ""].name).split()]
    random.Random(seed).shuffle(words)  # noqa: S311
    assert index.stand_in(place) in index.find(" ".join(words), limit=ALL)


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_searched_and_case_never_matters(index: PlaceIndex, typed: str) -> None:
    found = index.find(typed)
    assert len(found) <= 24
    assert found == index.find(typed.lower() if typed.lower().upper() == typed.upper() else typed)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ng'ombe", "ngombe"),
        ("Ng’ombe", "ngombe"),
        ("Mũrang'a", "muranga"),
        ("South-C", "south c"),
        ("  Mji  wa\tKale/Makadara ", "mji wa kale makadara"),
        ("4A", "4a"),
    ],
)
def test_folding(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("code", "en", "short"),
    [
        ("047", "Nairobi County", "Nairobi"),
        ("028", "Elgeyo-Marakwet", "Elgeyo-Marakwet"),
        ("1387", "Lindi (Kibra), Nairobi", "Lindi"),
        ("1389", "Woodley, Nairobi", "Woodley"),
        ("0564", "Township (Thika Town)", "Township"),
        ("0585", "Township (Kiambu)", "Township"),
        ("0026", "Mji wa Kale/Makadara", "Mji wa Kale/Makadara"),
        ("kericho", "Kericho", "Kericho"),
        ("nyayo-house", "Nyayo House, Nairobi", "Nyayo House"),
    ],
)
def test_names_on_screens(ke: Pack, code: str, en: str, short: str) -> None:
    assert (label(ke.places[code], ke), short_name(ke.places[code])) == (en, short)


def test_a_county_is_named_in_the_citizens_language(ke: Pack) -> None:
    assert label(ke.places["047"], ke, "sw") == "Kaunti ya Nairobi"


def test_every_name_fits_its_screen(ke: Pack) -> None:
    for place in ke.places.values():
        assert 0 < (septets(label(place, ke)) or 99) <= LONG, place
        assert 0 < (septets(short_name(place)) or 99) <= SHORT, place


def test_the_index_of_a_pack_is_made_once(ke: Pack) -> None:
    assert place_index(ke) is place_index(ke)


def test_a_name_is_found_whole_or_not_at_all(index: PlaceIndex) -> None:
    assert [place.code for place in index.named("kayole")] == ["kayole"]
    assert index.named("kayol") == []
    assert index.named("kayole kayole") == []
    assert [place.code for place in index.named("kibra")] == ["kibera"]  # the constituency has the same name and spot


def test_offices_are_named_only_where_they_are_asked_for(index: PlaceIndex) -> None:
    assert index.named("nyayo house") == []
    assert [place.code for place in index.named("nyayo house", OFFICES)] == ["nyayo-house"]
