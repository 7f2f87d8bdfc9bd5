"""Every text of a pack under its id, and the files of further languages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

import packs
from packs import Pack
from packs.reading import width
from packs.wording import Translation, Wording, reworded, save, translations, wordings
from sms_gateway.encoding import plain
from tests.conftest import PACK_FOLDER
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

HEAD = "id,text,reviewer,confidence\n"
MESSAGE = "template,scope,text_en,text_sw\nreceived,water,{ref} came,{ref} limefika\n"


def with_file(folder: Path, lines: str, language: str = "so", **changed: str) -> Path:
    """The tiny pack with a file of a further language."""
    (folder / "texts").mkdir()
    (folder / "texts" / f"{language}.csv").write_text(HEAD + lines, encoding="utf-8")
    return write_tiny(folder, messages__csv=MESSAGE, **changed)


def texts_of(pack: Pack) -> Mapping[str, Wording]:
    return {wording.id: wording for wording in wordings(pack)}


def test_every_text_of_kenya_has_an_id_of_its_own_and_fits(ke: Pack) -> None:
    found = wordings(ke)
    assert len({wording.id for wording in found}) == len(found)
    for wording in found:
        for lang in ke.languages:
            assert wording.mistake(wording.words[lang], lang) is None, wording.id


def test_the_texts_are_named_after_what_they_name(ke: Pack) -> None:
    texts = texts_of(ke)
    assert texts["menu.title"].words is ke.menu_title
    assert texts["agency.KPLC.name"].words["en"] == "Kenya Power"
    assert texts["sub.id.passport.ask"].words["sw"] == "Nambari ya ombi"
    assert texts["subject.police.name"].context == "whom a secret report is about: a choice"
    assert texts["sms.received.power.fallen_line"].template == "received"
    assert "sub.water.none.ask" not in texts  # nothing is asked


def test_rewording_with_the_same_words_changes_nothing(ke: Pack) -> None:
    assert reworded(ke, lambda wording: wording.words) == ke


def test_every_text_can_be_reworded(ke: Pack) -> None:
    pack = reworded(ke, lambda wording: {"en": wording.id, "sw": wording.id})
    assert all(wording.words["sw"] == wording.id for wording in wordings(pack))


def test_a_further_language_is_one_file(tmp_path: Path) -> None:
    lines = "category.water.name,Biyo,Hodan,good\nsub.water.none.name,Biyo ma jiro,,\nsms.received.water,{ref} ok,,\n"
    pack = packs.load(with_file(tmp_path, lines))
    assert pack.categories["water"].name == {"en": "Water", "sw": "Maji", "so": "Biyo"}
    assert packs.text(pack.subs["water.none"].name, "so") == "Biyo ma jiro"
    assert pack.messages["received"]["water"]["so"] == "{ref} ok"
    shutil.rmtree(tmp_path / "texts")
    assert packs.load(tmp_path).version != pack.version


def test_what_a_language_lacks_or_has_weakly_is_shown_in_the_next_one(tmp_path: Path) -> None:
    pack = packs.load(with_file(tmp_path, "category.water.name,Mmm,,weak\nsub.water.none.name,,,\n", "xx"))
    assert "xx" not in pack.categories["water"].name
    assert packs.text(pack.categories["water"].name, "xx") == "Water"
    assert packs.text({"en": "Water", "sw": "Maji"}, "sw") == "Maji"
    assert packs.text({"en": "Water", "sw": ""}, "sw") == "Water"


def test_a_script_outside_of_gsm_7_has_half_the_room(tmp_path: Path) -> None:
    name = packs.load(with_file(tmp_path, f"sub.water.none.name,{'ውሃ' * 5},,\n", "am")).subs["water.none"].name
    assert name["am"] == "ውሃ" * 5


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("category.fire.name,Dab,,", "id (A): there is no text “category.fire.name”."),
        (",Dab,,", "id (A): this cell is empty."),
        ("category.water.name,Biyo,,sure", "confidence (D): “sure” is none of: good, draft, weak."),
        ("category.water.name,Biyo,,\nid,,,\ncategory.water.name,Biyaha,,", "stands in line 2 already."),
        (f"sub.water.none.name,{'biyo ' * 5},,", "text (B): “biyo biyo biyo biyo biyo” is 24 septets wide; 20 fit."),
        (f"sub.water.none.name,{'ውሃ' * 6},,", "is 24 septets wide; 20 fit."),
        ("sms.received.water,Waa la helay,,", "text (B): this text must say {ref}."),
        ("sms.received.water,{ref} {price},,", "text (B): “received” does not know {price}."),
        (f"sms.received.water,{{ref}} {'ውሃ' * 62},,", "this is 136 characters; 134 fit two SMS."),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    (fault,) = faults(with_file(tmp_path, f"{line}\n"))
    assert fault.startswith("texts/so.csv:")
    assert told in fault


def test_weak_texts_may_have_mistakes_for_nobody_sees_them(tmp_path: Path) -> None:
    assert packs.load(with_file(tmp_path, f"sub.water.none.name,{'biyo ' * 9},,weak\n")).subs["water.none"].name == {
        "en": "No water",
        "sw": "Hakuna maji",
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [("somali", "a file here is called like a language: so.csv."), ("sw", "English and Swahili stand in the other")],
)
def test_a_file_is_called_like_its_language(tmp_path: Path, name: str, told: str) -> None:
    (fault,) = faults(with_file(tmp_path, "", name))
    assert fault.startswith(f"texts/{name}.csv: {told}")


def test_a_text_is_not_called_unknown_when_the_file_it_belongs_to_is_faulty(tmp_path: Path) -> None:
    with_file(tmp_path, "agency.IMMIGRATION.name,Socdaalka,,\n").joinpath("agencies.csv").unlink()
    assert faults(tmp_path) == ["agencies.csv: the file is missing."]


def test_what_was_saved_is_read_again_in_its_order(tmp_path: Path) -> None:
    texts = {
        "sub.water.none.name": Translation("Ma jiro", "Hodan", "good"),
        "category.water.name": Translation('Biyo, "nadiif"'),
        "menu.title": Translation("Maxay", confidence="weak"),
    }
    save(write_tiny(tmp_path), "so", texts)
    assert translations(tmp_path, "so") == texts
    assert list(translations(tmp_path, "so")) == list(texts)
    assert packs.load(tmp_path).categories["water"].name["so"] == 'Biyo, "nadiif"'
    assert [path.name for path in (tmp_path / "texts").iterdir()] == ["so.csv"]


def test_a_language_without_a_file_has_no_translations() -> None:
    assert translations(PACK_FOLDER, "xx") == {}


@pytest.mark.parametrize("words", ["Gĩkũyũ", "ŋwaŋo", "bœuf", "forêt", "ɛɨɔʉ", "maji [safi]", "a … b’c", "ውሃ"])
def test_words_are_as_wide_as_they_are_sent(words: str) -> None:
    sent = plain(words)
    assert width(words) == (2 * len(sent) if sent == "ውሃ" else len(sent) + sent.count("[") + sent.count("]"))


def test_a_category_a_question_and_a_language_need_no_code(tmp_path: Path) -> None:
    folder = shutil.copytree(PACK_FOLDER, tmp_path / "ke")
    added = {
        "categories.csv": "sport,9.7,Sports grounds,Viwanja,Sports grounds:,Viwanja:,,,\n",
        "subcategories.csv": "sport.broken,sport,1,Broken,Kimeharibika,place,office,,,,,Name of it,Jina lake,\n",
        "faqs.csv": "sport_book,sport,How to book it,Kuomba uwanja,Ask the county.,Iulize kaunti.,\n",
    }
    for file, line in added.items():
        with (folder / file).open("a", encoding="utf-8") as lines:
            lines.write(line)
    save(folder, "kln", {"category.sport.name": Translation("Urarit", confidence="good")})
    pack = packs.load(folder)
    assert [category.code for category in pack.menu("9")][-1] == "sport"
    assert [sub.code for sub in pack.subs_of("sport")] == ["sport.broken"]
    assert pack.sla("sport.broken").resolve > 0
    assert [faq.code for faq in pack.faqs_of("sport")] == ["sport_book"]
    assert pack.categories["sport"].name["kln"] == "Urarit"
