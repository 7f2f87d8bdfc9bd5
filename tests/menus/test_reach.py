from __future__ import annotations

from dataclasses import replace

import pytest

from menus import messages, reach
from menus.messages import BY_SMS, TEMPLATES
from packs.model import Pack
from sms_gateway.gateway import Capabilities, Gateway
from sms_gateway.null import Null


class Lettered(Null):
    """A sender that nobody can reply to."""

    name = "lettered"
    capabilities = Capabilities(replies=False)


NUMBERED: Gateway = Null()


def with_own(pack: Pack, text: str) -> Pack:
    return replace(pack, messages={"assigned": {"*": {"en": text, "sw": text}}})


def test_a_code_and_a_number_to_reply_to_reach_everything(ke: Pack) -> None:
    assert reach.refusals([NUMBERED], dials=True, pack=ke) == []


def test_without_a_code_no_text_says_dial(ke: Pack) -> None:
    assert reach.refusals([NUMBERED], dials=False, pack=ke) == []


def test_a_sender_in_letters_is_refused_with_the_texts_that_ask_for_a_reply(ke: Pack) -> None:
    [refusal] = reach.refusals([NUMBERED, Lettered()], dials=True, pack=ke)
    assert refusal.startswith("Nobody can reply to the sender of lettered, a name in letters, but SMS ask for it (rec")
    assert "received, " in refusal
    assert refusal.endswith(" more): give the channel a number to send from.")


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Reply to add details.", True),
        ("Is it fixed? reply 1 for YES.", True),
        ("Send STATUS and a number.", True),
        ("Then send {ref} and your words.", True),
        ("SMS the problem and the place.", True),
        ("Please send one of them.", True),
        ("Sent to {agency}. Answer by {date}.", False),
        ("We will SMS you when it is done.", False),
        ("Another officer will answer by {date}.", False),
    ],
)
def test_what_asks_for_an_sms_is_known_by_its_words(
    text: str, asks: bool, ke: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "TEMPLATES", {"one": text})
    assert bool(reach.refusals([Lettered()], dials=True, pack=replace(ke, messages={}))) is asks


def test_a_text_that_says_dial_and_has_no_stand_in_is_refused_without_a_code(
    ke: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: text for name, text in TEMPLATES.items() if name != f"stop{BY_SMS}"}
    monkeypatch.setattr(reach, "TEMPLATES", kept)
    assert reach.refusals([NUMBERED], dials=False, pack=ke) == [
        "There is no USSD code, but SMS say that one can dial it (stop)."
    ]
    assert reach.refusals([NUMBERED], dials=True, pack=ke) == []


def test_a_packs_own_words_are_looked_at_too(ke: Pack) -> None:
    asking = with_own(ke, "{service}: {ref} is with {agency}. Dial our office.")
    assert reach.refusals([NUMBERED], dials=False, pack=asking) == [
        "There is no USSD code, but SMS say that one can dial it (assigned for * in the pack)."
    ]


def test_a_packs_text_that_needs_the_code_gives_way_to_the_houses(ke: Pack) -> None:
    assert reach.refusals([NUMBERED], dials=False, pack=with_own(ke, "{service}: {ref}. Dial {code}.")) == []


def test_every_stand_in_stands_for_a_text_that_says_dial() -> None:
    stand_ins = [name for name in TEMPLATES if name.endswith(BY_SMS)]
    assert stand_ins
    for name in stand_ins:
        assert "{code}" in TEMPLATES[name.removesuffix(BY_SMS)]
        assert "{code}" not in messages.TEMPLATES[name]
