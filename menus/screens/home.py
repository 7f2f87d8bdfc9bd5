"""The way in: language, the home screen, resuming what was interrupted, help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from locales import registry, say
from menus.engine import FIRST, Choose, Key, Menu, Option, Scene, Screen


def _languages(scene: Scene) -> list[Option]:
    # Key 3, "Other languages", is reserved: it comes with the languages that speakers have reviewed.
    return [Option(code, registry()[code].name) for code in scene.world.languages]


def _first_title(scene: Scene) -> str:
    """Both languages on one screen: nobody has chosen yet."""
    free = " Free / Bure" if scene.world.free else ""
    return "{service}: complaints to government. Malalamiko kwa serikali." + free


def _home_title(scene: Scene) -> str:
    return "{ref}: {status}" if scene.facts.get("ref") else say("{service}: Welcome")


def _resumed(scene: Scene) -> str:
    return str(scene.facts["resume_at"])


def _stopped_at(scene: Scene) -> str:
    return say("You stopped at: {sub}, {place}") if scene.draft.get("place") else say("You stopped at: {sub}")


SCREENS: Final[Mapping[str, Screen]] = {
    "language_first": Choose(
        stores="language",
        title=_first_title,
        options=_languages,
        then=FIRST,
        request="set_language",
        back=False,
    ),
    "language": Choose(
        stores="language", title=say("Language"), options=_languages, then=FIRST, request="set_language"
    ),
    FIRST: Menu(
        title=_home_title,
        needs="news",
        root=True,
        fresh=True,
        keys={
            "1": Key(say("Make a complaint"), then="category"),
            "2": Key(say("Check a case"), then="check"),
            "3": Key(say("My cases"), then="my_cases"),
            # 4 Advice and 5 Call me back come with their journeys
            "6": Key(say("Language / Lugha"), then="language"),
            "7": Key(say("Help"), then="help"),
        },
    ),
    "resume": Menu(
        title=_stopped_at,
        root=True,
        keys={
            "1": Key(say("Go on"), then=_resumed),
            "2": Key(say("Start again"), then="category"),
            "00": Key(say("Home"), then=FIRST),
        },
    ),
    "resume_add": Menu(
        title=say("{ref} is saved."),
        root=True,
        keys={
            "1": Key(say("Add words to it"), then="add_words"),
            "2": Key(say("Something else"), then=FIRST),
            "00": Key(say("Home"), then=FIRST),
        },
    ),
    "help": Menu(
        title=say(
            "Press the number of your choice. 0 goes back, 00 goes home. You can also SMS your problem to {short}. "
            "In danger call 999 or 112."
        ),
        keys={},
    ),
}
