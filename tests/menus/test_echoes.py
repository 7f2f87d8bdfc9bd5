"""Our own texts are known again, whatever the air did to them; what citizens write is never taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locales import registry
from menus import costs
from menus.echoes import is_echo
from packs.model import Pack
from sms_gateway.encoding import styled

RECEIPT = (
    "Mlango: Complaint 482-915-633 received: No water, Lindi. Sent to Nairobi Water. Answer by 26/11/2026. "
    "Reply to add details."
)


@pytest.mark.parametrize("language", list(registry()))
def test_every_sms_of_ours_is_known_again_with_its_widest_values(ke: Pack, language: str) -> None:
    sent = [styled(one.text, letters) for one in costs.messages(ke, language) for letters in ("plain", "marks")]
    assert [text for text in sent if not is_echo(text, ke)] == []


@pytest.mark.parametrize(
    "changed",
    [
        RECEIPT,
        RECEIPT.upper(),
        RECEIPT.replace(" ", "\n"),
        RECEIPT.replace("Mlango", "Kaunti Kwetu"),
        f"AUTO REPLY to: {RECEIPT}",
        f"Fwd: {RECEIPT}",
        f"Thank you for your message: '{RECEIPT}'",
        "Mlango: 482-915-633: Nairobi Water asks: Which gate is nearest? Reply to this SMS by 26/11/2026.",
    ],
)
def test_nor_does_another_name_or_a_machine_around_it_hide_it(ke: Pack, changed: str) -> None:
    assert is_echo(changed, ke)


@pytest.mark.parametrize(
    "own",
    [
        f"Bado hakuna maji. {RECEIPT}",
        f"{RECEIPT} The pipe is dry still",
        "482-915-633 bado hakuna maji Lindi",
        "Complaint received no answer, reply to add details of what",
        "Mlango: hakuna maji Kayole",
        "For one case send STATUS and its number? which number",
        "Reply to add details",
        "",
        "😭",
        "STOP",
    ],
)
def test_a_word_of_their_own_makes_it_theirs(ke: Pack, own: str) -> None:
    assert not is_echo(own, ke)


def test_a_text_made_to_be_searched_for_long_is_not(ke: Pack) -> None:
    """Parts of ours a thousand times over: answered by the length, and in order of it."""
    assert not is_echo("since due " * 50 + "reply to add details", ke)
    assert not is_echo("482 915 633 since due reply to add details " * 1_000, ke)


@settings(max_examples=50)
@given(st.text(max_size=400))
def test_any_text_can_be_looked_at(ke: Pack, text: str) -> None:
    assert not is_echo(f"{text} zumaridi", ke)
