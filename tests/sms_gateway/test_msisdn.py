from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.msisdn import mask, mask_all, normalise


@pytest.mark.parametrize(
    "raw",
    [
        "+254712345678",
        "254712345678",
        " 254712345678",  # the + of a form field, decayed
        "0712345678",
        "712345678",
        "+254 712 345-678",
        "0712-345-678",
        "00254712345678",
        "(0712) 345 678",
        "٠٧١٢٣٤٥٦٧٨",
    ],
)
def test_a_kenyan_number_has_one_form_however_it_is_written(raw: str) -> None:
    assert normalise(raw) == "+254712345678"


@pytest.mark.parametrize(
    ("raw", "msisdn"),
    [
        ("+254112345678", "+254112345678"),
        ("+256772123456", "+256772123456"),
        ("256772123456", "+256772123456"),
        ("+251 91 123 4567", "+251911234567"),
        ("+44 7911 123456", "+447911123456"),
        ("020 2222222", "+254202222222"),
    ],
)
def test_neighbours_and_land_lines_are_numbers_too(raw: str, msisdn: str) -> None:
    assert normalise(raw) == msisdn


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "+",
        "40404",
        "MPESA",
        "Safaricom",
        "+-------",
        "0900 123456",
        "0800 123456",
        "+800 12345678",
        "+1 900 123 4567",
        "+254999999999",
        "+25471234567",
        "+2547123456789",
        "0712345678; 0712345679",
        "1" * 200,
    ],
)
def test_what_no_citizen_answers_to_is_refused(raw: str) -> None:
    assert normalise(raw) is None


@given(st.text(max_size=30))
def test_anything_is_either_e164_or_nothing(raw: str) -> None:
    msisdn = normalise(raw)
    assert msisdn is None or normalise(msisdn) == msisdn


@given(st.integers(0, 99_999_999), st.sampled_from("17"))
def test_every_kenyan_mobile_range_is_accepted(subscriber: int, first: str) -> None:
    assert normalise(f"0{first}{subscriber:08}") == f"+254{first}{subscriber:08}"


def test_a_mask_shows_the_network_and_two_digits() -> None:
    assert mask("+254712345678") == "+2547••••••78"


@given(st.text(max_size=20))
def test_a_mask_never_shows_more_than_seven_characters(anything: str) -> None:
    assert len(mask(anything).replace("•", "")) <= 7


@pytest.mark.parametrize(
    "written",
    ["+254712345678", "254712345678", "0712345678", "0712 345 678", "0712-345-678", "+254 712 345 678"],
)
def test_a_number_is_masked_wherever_it_stands(written: str) -> None:
    assert mask_all(f'{{"from": "{written}"}}') == '{"from": "+2547••••••78"}'


def test_numbers_in_urls_and_glued_to_words_are_masked() -> None:
    assert mask_all("/messages.json?msisdn=%2B254712345678&n=1") == "/messages.json?msisdn=+2547••••••78&n=1"
    assert mask_all("pigia0712345678 or +256772123456.") == "pigia+2547••••••78 or +2567••••••56."


@pytest.mark.parametrize(
    "line",
    [
        "case 482-915-633 and 482915633 482915634",
        "at 2026-11-23 09:15:30 and 2026-11-23T09:15:30+03:00",
        "message 01938fa0123456789012abcd",
        "dial *384*96*2*482915633#",
        "KSh 1,500,000 of 1763769600 s",
    ],
)
def test_case_numbers_times_ids_and_sums_stay_readable(line: str) -> None:
    assert mask_all(line) == line


def test_masking_again_changes_nothing() -> None:
    once = mask_all("from +254712345678 to 38496")
    assert mask_all(once) == once == "from +2547••••••78 to 38496"
