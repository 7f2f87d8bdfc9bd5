"""Looking after a case: check by number, my cases, one case, adding words to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cases import reference
from locales import say
from menus.engine import Ask, Choose, End, Key, Menu, Option, Scene, Screen
from menus.screens.lodge import needs_a_word
from menus.values import Names


def _mine(scene: Scene) -> list[Option]:
    """Named by the problem, not by the number: that is what people remember."""
    return [Option(case["id"], _line(scene, case)) for case in scene.facts["cases"]]


def _line(scene: Scene, case: Mapping[str, Any]) -> str:
    names = Names(scene.world.pack, scene.world.language)
    name = names.sub(case["sub"]) if case["sub"] else reference.shown(case["ref"])
    return f"{name}: {names.status(case['state'])}"


def _mine_title(scene: Scene) -> str:
    return say("My cases") if scene.facts["cases"] else say("This phone has no complaint yet.")


def _case_title(scene: Scene) -> str:
    if scene.facts.get("sub"):
        return say("{ref} {sub}\n{status} since {date}\n{agency}, due {date2}")
    return say("{ref}\n{status} since {date}\n{agency}, due {date2}")


def _is_open(scene: Scene, key: str) -> bool:
    return key != "1" or bool(scene.facts.get("open"))


SCREENS: Final[Mapping[str, Screen]] = {
    "check": Ask(
        stores="case",
        title=say("Type the case number, or its last 5 digits."),
        then="case",
        keys={"1": Key(say("My cases"), then="my_cases")},
    ),
    # the same screen for absent, foreign and mistyped numbers
    "check_none": Ask(
        stores="case",
        title=say("No such case for this phone. Check the number and type it again."),
        then="case",
        keys={"1": Key(say("My cases"), then="my_cases")},
    ),
    "my_cases": Choose(stores="case", title=_mine_title, options=_mine, then="case", needs="my_cases"),
    "case": Menu(
        title=_case_title,
        needs="case",
        # 2 More, with details and history, comes with its journey
        keys={"1": Key(say("Add words"), then="add_to_case")},
        when=_is_open,
    ),
    "add_to_case": Ask(
        stores="added",
        title=say("{ref}: what do you want to add? (80 letters)"),
        suits=needs_a_word,
        then="added_to_case",
        request="add_to_case",
    ),
    "added_to_case": Ask(
        stores="added",
        title=say("Added. Type more, or:"),
        suits=needs_a_word,
        then="added_to_case",
        request="add_to_case",
        keys={"1": Key(say("Finish"), then="added_done")},
        root=True,
    ),
    "added_done": End(say("Thank you. Your words are with {agency}.\nCase number {ref}")),
    "closed_now": End(say("This case is closed by now; your words were not added. Dial {code} to make a new one.")),
}
