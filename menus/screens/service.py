"""The service itself: help, a call back, our SMS on and off, and how their letters are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from locales import say
from menus.engine import Choose, Draft, End, Key, Menu, Option, Scene, Screen
from sms_gateway.encoding import Letters

_LETTERS: Final[Mapping[Letters, str]] = {
    Letters.AUTO: say("As fits best"),
    Letters.PLAIN: say("Always plain letters"),
    Letters.MARKS: say("Keep the marks"),
}


def _about(what: str) -> Key:
    """A key of the question what the call is about."""
    label = {"new": say("A new complaint"), "case": say("My open case"), "other": say("Other")}[what]

    def chosen(scene: Scene) -> Draft:
        return {**scene.draft, "call": what}

    return Key(label, then="call_me_done", request="call_me", after=chosen)


def _has_case(scene: Scene, key: str) -> bool:
    return key != "2" or bool(scene.facts["has_case"])


def _sms_label(scene: Scene) -> str:
    return say("SMS me again") if scene.facts.get("stopped") else say("Stop your SMS to me")


def _styles(scene: Scene) -> list[Option]:
    return [Option(style, scene.say(label), str(key)) for key, (style, label) in enumerate(_LETTERS.items(), 1)]


def _messages_title(scene: Scene) -> str:
    if scene.facts["stopped"]:
        return say("We will not SMS you again. Your complaints go on; dial {code} to check.")
    return say("SMS are on again. You hear of every step of your complaints.")


SCREENS: Final[Mapping[str, Screen]] = {
    "help": Menu(
        title=say(
            "Press the number of your choice. 0 goes back, 00 goes home. Or SMS your problem to {short}. "
            "In danger call {police} or {emergency}."
        ),
        needs="me",
        keys={
            "1": Key(_sms_label, then="messages", request="turn_sms"),
            "2": Key(say("Letters in SMS"), then="letters"),
        },
    ),
    "messages": End(_messages_title),
    "letters": Choose(
        stores="letters", title=say("Letters in our SMS:"), options=_styles, then="letters_set", request="set_letters"
    ),
    "letters_set": End(say("Done. From now on our SMS to you are written so.")),
    "call_me": Menu(
        title=say("We call this phone, free for you, by {date}. About what?"),
        needs="call_by",
        keys={"1": _about("new"), "2": _about("case"), "3": _about("other")},
        when=_has_case,
    ),
    "call_me_done": End(say("We will call you by {date}. If you miss us we try twice more.")),
}
