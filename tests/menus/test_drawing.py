from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from menus import drawing, fit
from menus.drawing import MOST_LINES, Page, Sheet
from sms_gateway.encoding import plain

MORE = "98. More"
BACK = ("0", "Back")
AMHARIC = (
    "ችግሩ የት ነው? የቀበሌውን፣ የሰፈሩን ወይም የከተማውን ስም የመጀመሪያ ፊደላት ይጻፉ። ለምሳሌ ለኪቤራ KIB ብለው ይጻፉ። "
    "ከዚያም ከዝርዝሩ ውስጥ ይምረጡ፣ ወይም እርግጠኛ ካልሆኑ አንድን ይጫኑ።"
)

words = st.text("abcdeĩŋ'€ሰላም", min_size=1, max_size=12)
texts = st.lists(words, min_size=1, max_size=60).map(" ".join)
labels = st.lists(st.text("abcdefgh ĩ'€", min_size=1, max_size=26).filter(str.strip), min_size=1, max_size=40)
limits = st.sampled_from([100, 140, 160])


def sheet(title: str, **more: object) -> Sheet:
    return replace(Sheet(title, {}, tail=[BACK], more="More"), **more)  # type: ignore[arg-type]  # a field each


def pages(whole: Sheet, octets: int = 140) -> Iterator[Page]:
    """Every page, turned with 98; each shows something new."""
    page = drawing.page(whole, 0, octets)
    yield page
    while page.ends is not None:
        assert page.ends > page.begins
        page = drawing.page(whole, page.ends, octets)
        yield page


def content(page: Page) -> list[str]:
    """What stands on a page besides the keys at its foot."""
    return [line for line in page.text.split("\n") if line not in (MORE, "0. Back")]


def test_what_fits_stands_on_one_page() -> None:
    (page,) = pages(sheet("Is it fixed?", lines=[("1", "Yes"), ("2", "Not yet")]))
    assert page == Page("Is it fixed?\n1. Yes\n2. Not yet\n0. Back", 0, None)


def test_a_screen_is_written_plain() -> None:
    (page,) = pages(sheet("", text="Ũhoro – waku", lines=[("1", "Rĩu")]))
    assert page.text == "Uhoro - waku\n1. Riu\n0. Back"


def test_amharic_goes_on_on_further_pages_with_back_on_each() -> None:
    drawn = list(pages(sheet(AMHARIC, lines=[("1", "እርግጠኛ አይደለሁም")])))
    assert len(drawn) > 2
    assert all(fit.fits(page.text, 140) for page in drawn)
    assert all(page.text.endswith(f"\n{MORE}\n0. Back") for page in drawn[:-1])
    assert drawn[-1].text.endswith("\n1. እርግጠኛ አይደለሁም\n0. Back")
    assert " ".join(line for page in drawn for line in content(page)[:9] if line[0] != "1") == AMHARIC


@settings(max_examples=80, deadline=None)
@given(texts, texts, labels, limits)
def test_every_word_and_every_line_stands_once_and_in_order_on_pages_that_fit(
    title: str, text: str, labels: list[str], octets: int
) -> None:
    lines = [(str(key), label) for key, label in enumerate(labels, 100)]
    drawn = list(pages(sheet(title, text=text, lines=lines), octets))
    assert all(fit.fits(page.text, octets) for page in drawn)
    assert all((MORE in page.text) is (page is not drawn[-1]) for page in drawn)
    seen = "\n".join(line for page in drawn for line in content(page))
    assert seen.split() == plain(fit.draw(f"{title} {text}", lines)).split()


@settings(max_examples=80, deadline=None)
@given(texts, limits)
def test_a_page_is_as_full_as_it_can_be(text: str, octets: int) -> None:
    drawn = list(pages(sheet("Answer:", text=text), octets))
    for page, following in pairwise(drawn):
        (first_word, *_) = content(following)[0].split()
        head = page.text.removesuffix(f"\n{MORE}\n0. Back")
        assert not fit.fits(f"{head} {first_word}\n{MORE}\n0. Back", octets)


@settings(max_examples=80, deadline=None)
@given(labels, limits)
def test_a_numbered_list_shows_every_label_once_each_page_from_1_under_its_title(
    labels: list[str], octets: int
) -> None:
    seen = []
    for page in pages(sheet("Choose:", listed=labels, tail=[("9", "None of these"), BACK]), octets):
        title, *lines = [line for line in content(page) if line != "9. None of these"]
        assert title == "Choose:"
        assert fit.fits(page.text, octets)
        assert [line.partition(". ")[0] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
        assert len(lines) <= MOST_LINES
        assert "\n9. None of these\n0. Back" in page.text
        seen += [line.partition(". ")[2].strip() for line in lines]
    assert seen == [plain(label).strip() for label in labels]


def test_the_last_page_needs_no_key_to_the_next_and_uses_its_room() -> None:
    (page,) = pages(sheet("a" * 140, lines=[("1", "bbbb")]))
    assert fit.fits(page.text, 140)
    assert not fit.fits(f"{page.text}\n{MORE}", 140)


def test_a_label_too_long_for_any_page_is_cut() -> None:
    drawn = list(pages(sheet("Choose:", listed=["a" * 300, "Elsewhere"])))
    assert [fit.fits(page.text, 140) for page in drawn] == [True, True]
    assert drawn[0].text == "1. " + "a" * 136 + f"\n{MORE}\n0. Back"
    assert drawn[1].text == "Choose:\n1. Elsewhere\n0. Back"


def test_a_title_that_leaves_no_room_for_an_option_gives_way() -> None:
    title = "Complaints to government. Malalamiko kwa serikali. Free / Bure"
    drawn = list(pages(sheet(title, listed=["English", "አማርኛ"])))
    assert [page.text.split("\n")[0] for page in drawn] == [title, "1. አማርኛ"]


def test_a_word_longer_than_a_page_is_broken() -> None:
    drawn = list(pages(sheet("ሀ" * 150)))
    assert all(fit.fits(page.text, 140) for page in drawn)
    assert "".join(line for page in drawn for line in content(page)) == "ሀ" * 150


def test_a_hint_makes_a_page_shorter_but_nothing_is_lost() -> None:
    whole = sheet(AMHARIC)
    one = drawing.page(replace(whole, hint="ከዝርዝሩ የለም።"), 0, 140)
    assert one.text.startswith("ከዝርዝሩ የለም።\nችግሩ የት ነው?")
    assert fit.fits(one.text, 140)
    assert one.ends
    assert one.ends < (drawing.page(whole, 0, 140).ends or 0)
    two = drawing.page(whole, one.ends, 140)
    before, after = content(one)[1:], content(two)
    assert AMHARIC.startswith(" ".join([*before, *after]))


def test_a_hint_stands_above_a_title_or_where_that_has_no_room_in_its_place() -> None:
    lines = [("1", "Finish")]
    assert drawing.page(sheet("Type more, or:", lines=lines, hint="No."), 0, 140).text.startswith(
        "No.\nType more, or:\n"
    )
    assert drawing.page(sheet("a" * 136, lines=lines, hint="No."), 0, 140).text.startswith("No.\n1. Finish")
    instead = sheet("Choose:", lines=lines, hint="No.", hint_only=True)
    assert drawing.page(instead, 0, 140).text == "No.\n1. Finish\n0. Back"


def test_a_text_to_read_is_never_given_up_for_a_hint() -> None:
    whole = sheet("Answer:", text="a" * 130, hint="Not on the list.")
    assert "".join(line for page in pages(whole) for line in content(page)).count("a" * 130) == 1


def test_a_piece_that_is_not_there_any_more_begins_anew() -> None:
    assert drawing.page(sheet("Choose:", listed=["a"]), 7, 140) == Page("Choose:\n1. a\n0. Back", 0, None)
    assert drawing.page(sheet("Is it fixed?"), 7, 140).begins == 0


def test_new_lines_of_a_text_are_kept() -> None:
    (page,) = pages(sheet("History", text="23/11 Received\n24/11 Sent\n\nEnd"))
    assert page.text == "History\n23/11 Received\n24/11 Sent\n\nEnd\n0. Back"
