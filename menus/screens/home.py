"""The way in: language, the home screen, resuming what was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cases.lifecycle import State as CaseState
from locales import registry, say
from menus.engine import FIRST, Choose, Draft, Key, Menu, Option, Scene, Screen

# Where a case waits for a word of its citizen; first where an office waits with it
ASKING: Final = (CaseState.PENDING_CITIZEN, CaseState.RESOLVED)


BLOCKED: Final = "sms_blocked"  # shown before the home screen, once a day
_ON_ALL_PHONES: Final = 2  # languages on the first screen, English and Swahili; the others stand behind key 3


def _languages(scene: Scene) -> list[Option]:
    first = enumerate(scene.world.languages[:_ON_ALL_PHONES], 1)
    return [Option(code, registry()[code].name, str(key)) for key, code in first]


def _other_languages(scene: Scene) -> list[Option]:
    return [Option(code, registry()[code].name) for code in scene.world.languages[_ON_ALL_PHONES:]]


def _speaks_others(scene: Scene, key: str) -> bool:
    return key != "3" or len(scene.world.languages) > _ON_ALL_PHONES


def _first_title(scene: Scene) -> str:
    """Both languages on one screen: nobody has chosen yet."""
    free = " Free / Bure" if scene.world.free else ""
    return "{service}: complaints to government. Malalamiko kwa serikali." + free


def _home_title(scene: Scene) -> str:
    """One line: danger before a question to the citizen, that before the news of their case."""
    if scene.facts.get("banner"):
        return "{banner}"
    if scene.facts.get("state") == CaseState.PENDING_CITIZEN:
        return say("Question about {ref}:")
    return "{ref}: {status}" if scene.facts.get("ref") else say("{service}: Welcome")


def _answer_label(scene: Scene) -> str:
    return say("A question for you") if scene.facts.get("banner") else say("Answer it now")


def _is_asked(scene: Scene, key: str) -> bool:
    return key != "9" or scene.facts.get("state") in ASKING


def _the_asking_case(scene: Scene) -> Draft:
    return {"case": scene.facts["id"]}


def _resumed(scene: Scene) -> str:
    """Where the line dropped. Whether words belong to an earlier case is asked again: it may have closed."""
    at = str(scene.facts["resume_at"])
    return "confirm" if at == "add_to_case" else at


def _where_words_were(scene: Scene) -> str:
    """At the one more question, if that was not answered."""
    return "extra" if scene.facts["resume_at"] == "extra" else "add_words"


def _stopped_at(scene: Scene) -> str:
    return say("You stopped at: {sub}, {place}") if scene.draft.get("place") else say("You stopped at: {sub}")


def _blocked_title(scene: Scene) -> str:
    """How to lift the block differs from network to network; of some we do not know it."""
    if scene.facts["unblock"]:
        return say("Your network blocks our SMS. To allow: {unblock}. Meanwhile dial {code} for news.")
    return say("Your network blocks our SMS: ask it to allow them. Meanwhile dial {code} for news.")


SCREENS: Final[Mapping[str, Screen]] = {
    "language_first": Choose(
        stores="language",
        title=_first_title,
        options=_languages,
        then=FIRST,
        request="set_language",
        keys={"3": Key("Other / Nyingine", then="languages_more")},
        when=_speaks_others,
        back=False,
    ),
    "language": Choose(
        stores="language",
        title=say("Language"),
        options=_languages,
        then=FIRST,
        request="set_language",
        keys={"3": Key(say("Other languages"), then="languages_more")},
        when=_speaks_others,
    ),
    "languages_more": Choose(
        stores="language", title=say("Language"), options=_other_languages, then=FIRST, request="set_language"
    ),
    FIRST: Menu(
        title=_home_title,
        needs="news",
        root=True,
        fresh=True,
        when=_is_asked,
        keys={
            "9": Key(_answer_label, then="case", after=_the_asking_case),
            "1": Key(say("Make a complaint"), then="category"),
            "2": Key(say("Check a case"), then="check"),
            "3": Key(say("My cases"), then="my_cases"),
            "4": Key(say("Advice"), then="advice"),
            "5": Key(say("Call me back"), then="call_me"),
            "6": Key(say("Language / Lugha"), then="language"),
            "7": Key(say("Help"), then="help"),
        },
    ),
    BLOCKED: Menu(title=_blocked_title, root=True, keys={"1": Key(say("Go on"), then=FIRST)}),
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
            "1": Key(say("Add words to it"), then=_where_words_were),
            "2": Key(say("Something else"), then=FIRST),
            "00": Key(say("Home"), then=FIRST),
        },
    ),
}
