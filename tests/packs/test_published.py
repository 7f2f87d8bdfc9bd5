"""Publishing a pack: what comes into force, what stays for the sake of old cases, what processes see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import packs
from packs import NoPack, Pack, published
from packs.places import PlaceIndex
from packs.published import PackVersion
from tests.packs.conftest import TINY, write_tiny

pytestmark = pytest.mark.usefixtures("bound")


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Pack]:
    folder = tmp_path / "pack"
    folder.mkdir()
    return lambda **changed: packs.load(write_tiny(folder, **changed))


def without(file: str, start: str) -> str:
    """The lines of a file of the tiny pack but those that start with `start`."""
    return "\n".join(line for line in TINY[file].strip().split("\n") if not line.startswith(start))


def smaller(tiny: Callable[..., Pack]) -> Pack:
    """The tiny pack without its second category and without Kibera."""
    return tiny(
        categories__csv=without("categories.csv", "id,"),
        subcategories__csv=without("subcategories.csv", "id."),
        routes__csv=without("routes.csv", "id,"),
        places_alias__csv=without("places_alias.csv", "kibera"),
    )


def test_before_anything_is_published_the_remedy_is_told() -> None:
    PackVersion.delete().execute()
    with pytest.raises(NoPack, match=r"\./mlango pack load"):
        packs.current()


def test_what_is_published_is_in_force(tiny: Callable[..., Pack], now: datetime) -> None:
    pack = tiny()
    outcome = packs.publish(pack, now)
    assert (outcome.pack, outcome.changed, outcome.retired) == (pack, True, ())
    assert packs.current() == pack


def test_the_same_again_adds_no_row(tiny: Callable[..., Pack], now: datetime) -> None:
    packs.publish(tiny(), now)
    rows = PackVersion.select().count()
    again = packs.publish(tiny(), now + timedelta(days=1))
    assert not again.changed
    assert PackVersion.select().count() == rows


def test_what_is_gone_from_the_files_is_retired_not_deleted(tiny: Callable[..., Pack], now: datetime) -> None:
    packs.publish(tiny(), now)
    outcome = packs.publish(smaller(tiny), now)
    assert outcome.retired == ("category id", "place kibera", "sub-category id.passport")
    pack = packs.current()
    assert pack.subs["id.passport"].retired
    assert pack.sla("id.passport").resolve == 3 * 480
    assert pack.calendar("id.passport").code == "office"
    assert pack.menu("9") == ()
    assert pack.subs_of("id") == ()
    assert "Kibera" not in [place.name for place in PlaceIndex(pack).find("kib")]


def test_publishing_the_smaller_pack_twice_retires_nothing_anew(tiny: Callable[..., Pack], now: datetime) -> None:
    packs.publish(tiny(), now)
    packs.publish(smaller(tiny), now)
    again = packs.publish(smaller(tiny), now)
    assert (again.changed, again.retired) == (False, ())
    assert again.pack.places["kibera"].retired


def test_what_returns_to_the_files_is_offered_again(tiny: Callable[..., Pack], now: datetime) -> None:
    first = packs.publish(tiny(), now)
    packs.publish(smaller(tiny), now)
    back = packs.publish(tiny(), now)
    assert back.pack == first.pack
    assert packs.current() == first.pack


def test_a_clock_set_back_does_not_hide_a_new_pack(tiny: Callable[..., Pack], now: datetime) -> None:
    packs.publish(tiny(), now)
    newer = packs.publish(smaller(tiny), now - timedelta(days=400)).pack
    assert packs.current() == newer


def test_another_process_sees_a_new_pack_within_a_second(
    tiny: Callable[..., Pack], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(published, "monotonic", lambda: clock[0])
    packs.publish(tiny(), now)
    before = packs.current()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(published, "forget", lambda: None)
        newer = packs.publish(smaller(tiny), now).pack
    clock[0] += published.CHECK_EVERY_S / 2
    assert packs.current() is before
    clock[0] += published.CHECK_EVERY_S
    assert packs.current() == newer


def test_an_unchanged_pack_is_read_once(
    tiny: Callable[..., Pack], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(published, "monotonic", lambda: clock[0])
    packs.publish(tiny(), now)
    pack = packs.current()
    clock[0] += 3600
    assert packs.current() is pack


def test_a_pack_of_another_country_takes_over_nothing(tiny: Callable[..., Pack], now: datetime, ke: Pack) -> None:
    assert packs.current() == ke
    packs.publish(tiny(), now)
    assert packs.current().code == "xx"
    assert "SHA" not in packs.current().agencies


def test_the_pack_of_kenya_can_be_loaded_again_and_again(ke: Pack, now: datetime) -> None:
    assert not packs.publish(ke, now).changed
