from __future__ import annotations

import pytest

from sms_gateway.gateway import Mt, Policy, Refused
from sms_gateway.sendable import sendable

WANJIKU = "+254712345678"


def mt(msisdn: str = WANJIKU, text: str = "Tumepokea") -> Mt:
    return Mt("1", msisdn, text, "MLANGO")


def test_what_a_network_can_carry_goes_as_it_is() -> None:
    message = mt(text="Mũgũnda 😀\nLindi")
    assert sendable(message) is message


def test_what_no_network_can_carry_is_left_out() -> None:
    assert sendable(mt(text="Tume\x00pokea\ud83d")) == mt()


@pytest.mark.parametrize("msisdn", ["0712345678", "254712345678", " +254712345678", "MPESA", "22141", ""])
def test_a_number_in_any_other_form_is_refused_for_good(msisdn: str) -> None:
    assert sendable(mt(msisdn)) == Refused(Policy.PERMANENT, "bad-number")


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\ud83d"])
def test_a_text_without_words_is_refused_for_good(text: str) -> None:
    assert sendable(mt(text=text)) == Refused(Policy.PERMANENT, "empty-text")
