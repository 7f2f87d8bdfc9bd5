from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.own_words import LONGEST, has_receipt, is_ours, without_echo, without_picture, without_receipt

RECEIPTS = [
    "DT85TH896 Confirmed. You have received Ksh3,500.00 from JOHN DOE 0712000000 on 31/7/13 at 6:43 PM",
    "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE WANJIKU 0712345678 on 3/2/26 at 6:43 PM. New M-PESA balance is "
    "Ksh1,204.50. Transaction cost, Ksh7.00. Amount you can transact within the day is 499,500.00.",
    "QGH7K2L9XY Confirmed.Ksh2,000.00 paid to KENYA POWER. on 3/2/26 at 6:43 PM.New M-PESA balance is Ksh0.00. "
    "Transaction cost, Ksh23.00.",
    "QGH7K2L9XY Imethibitishwa. Umepokea Ksh1,000.00 kutoka kwa JOHN DOE 0712000000 mnamo 3/2/26 saa 6:43 PM "
    "Salio lako la M-PESA ni Ksh1,100.00.",
    "Confirmed. Ksh250.00 paid to COUNTY PARKING on 3/2/26 at 6:43 PM.",
    "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE",
    "TID: MP260203.1843.A12345 You have sent KES 700.00 to PETER KAMAU.",
]
OURS = (
    "Mlango: Complaint 482-915-633 received: No water, Kayole. Sent to NCWSC. Answer by 03/02/2026. "
    "Reply to add details."
)
ANY = st.text(st.characters(), max_size=300)


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_nothing_is_left_of_a_receipt(receipt: str) -> None:
    assert without_receipt(receipt) == ""


@pytest.mark.parametrize("receipt", RECEIPTS)
@pytest.mark.parametrize("before", ["Nimelipa chief hongo, ona: ", "The askari took this money from me:\n"])
def test_their_own_words_stay_and_nobodys_name_does(receipt: str, before: str) -> None:
    left = without_receipt(f"{before}{receipt}")
    assert left == f"{before.strip()} [M-PESA]"


def test_words_after_a_receipt_stay_too() -> None:
    assert (
        without_receipt(f"{RECEIPTS[2]} nimelipa lakini token haijakuja") == "[M-PESA] nimelipa lakini token haijakuja"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Water cut is confirmed by the company, they want Ksh500 for reconnection",
        "I have received no money from NHIF since 3/2/26",
        "They confirmed my passport on 3/2/26",
        "Walituma Ksh500 kwa chief",
        "482915633",
    ],
)
def test_talk_about_money_is_no_receipt(text: str) -> None:
    assert not has_receipt(text)
    assert without_receipt(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"bado hakuna maji {OURS}",
        f"{OURS} bado hakuna maji",
        f"{OURS[:60]} bado hakuna maji",
        f"bado hakuna maji\n> {OURS}",
        f"bado hakuna maji\n\nOn Mon, 3 Feb 2026 at 10:11, Mlango wrote:\n{OURS}",
        f"bado hakuna maji\n-----Original Message-----\nFrom: 38496\n{OURS}",
        f"Fwd: {OURS.upper()}\nbado hakuna maji",
        f'bado hakuna maji "{OURS}"',
    ],
)
def test_a_copy_of_our_sms_is_cut_out_of_theirs(text: str) -> None:
    assert without_echo(text, ["Mlango: SMS are on again.", OURS]).strip(' "') == "bado hakuna maji"


def test_nothing_is_left_of_our_sms_alone() -> None:
    assert without_echo(OURS, [OURS]) == ""
    assert without_echo(f"> {OURS}", []) == ""


def test_our_closing_line_is_cut_off_without_knowing_what_we_wrote() -> None:
    assert without_echo("Hakuna maji. Reply to add details.", []) == "Hakuna maji."
    assert without_echo("Hakuna maji. Jibu kuongeza maelezo.", []) == "Hakuna maji."


@pytest.mark.parametrize("text", ["No water, Kayole", "Answer by Friday", "received: no", "hakuna maji kayole", ""])
def test_a_few_words_that_we_used_too_are_their_own(text: str) -> None:
    assert without_echo(text, [OURS]) == text


@pytest.mark.parametrize(
    "text",
    ["Complaint about 482915633 people", "My case number is 12345", "Complaint received? No", "Kayole: no water"],
)
def test_what_they_write_about_their_case_is_not_ours(text: str) -> None:
    assert not is_ours(text)


def test_a_forwarded_complaint_is_not_ours() -> None:
    assert not is_ours("Fwd: no water in Kayole since 2023")


@given(ANY, st.lists(ANY, max_size=2))
def test_no_text_whatever_breaks_it(text: str, ours: list[str]) -> None:
    for left in (without_receipt(text), without_echo(text, ours), without_picture(text)):
        assert len(left) <= len(text) + 10 * len("[M-PESA]")


@pytest.mark.parametrize("fill", [" ", "\n", "- ", "a ", "Confirmed Ksh1 ", "1 ", "from ", "On x\n", "> "])
def test_no_text_takes_time_worth_mentioning(fill: str) -> None:
    text = "QGH7K2L9XY Confirmed " + fill * (3 * LONGEST // len(fill))
    for part in (text, text[:LONGEST]):
        without_receipt(part)
        without_echo(part, [OURS])
        is_ours(part)
