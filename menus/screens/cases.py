"""Looking after a case: check by number, my cases, one case, adding words to it, and saying whether it is solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cases import reference
from cases.lifecycle import STARS
from locales import say
from menus.engine import Ask, Choose, Draft, End, Key, Menu, Option, Scene, Screen
from menus.screens.lodge import needs_a_word
from menus.values import Names, sayable


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


def _solved_title(scene: Scene) -> str:
    if sayable(scene.facts["said"]):
        return say("{ref}, {agency}:\n{note}\nIs it fixed?")
    return say("{ref}, {agency}:\nThe problem you reported was dealt with.\nIs it fixed?")


def _closed_title(scene: Scene) -> str:
    return say("{ref}, {agency}:\n{note}\nClosed on {date}.") if sayable(scene.facts["said"]) else _case_title(scene)


def _rejected_title(scene: Scene) -> str:
    if sayable(scene.facts["said"]):
        return say("{ref}, {agency}:\n{note}\nNot accepted on {date}.")
    return say("{ref}, {agency}:\nNot accepted on {date}.")


def _question_title(scene: Scene) -> str:
    if sayable(scene.facts["said"]):
        return say("{agency} asks:\n{question}\nType your answer (80 letters).")
    return say("{agency} asks about {ref}; the question is in our SMS. Type your answer (80 letters).")


def _is_unrated(scene: Scene, key: str) -> bool:
    return key != "1" or not scene.facts["rated"]


def _stars(scene: Scene) -> list[Option]:
    labels = (say("Very badly"), say("Badly"), say("Fairly"), say("Well"), say("Very well"))
    return [Option(star, scene.say(label), key=star) for star, label in zip(STARS, labels, strict=True)]


def _too_late_title(scene: Scene) -> str:
    if scene.facts["appealed"]:
        return say(
            "{ref} was decided on your appeal; that decision stays. If the problem goes on, dial {code} and make "
            "a new complaint."
        )
    return say(
        "It is too late to change the decision on {ref}. If the problem goes on, dial {code} and make a new complaint."
    )


def _only_the_words(scene: Scene) -> Draft:
    """What they were about to lodge was this case: the draft has done its service."""
    return {"added": scene.draft["added"]}


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
    # In place of `case`, where a case wants something of its citizen or can be taken up again
    "question": Ask(
        stores="answer",
        title=_question_title,
        suits=needs_a_word,
        then="added_done",
        request="answer",
    ),
    "solved": Menu(
        title=_solved_title,
        keys={
            "1": Key(say("Yes"), then="rate", request="fixed"),
            "2": Key(say("Not yet"), then="reopened", request="reopen"),
        },
    ),
    "closed": Menu(
        title=_closed_title,
        keys={
            "1": Key(say("Rate the service"), then="rate"),
            "2": Key(say("Not fixed"), then="reopened", request="reopen"),
        },
        when=_is_unrated,
    ),
    "rejected": Menu(
        title=_rejected_title,
        keys={"1": Key(say("Appeal"), then="appealed", request="appeal")},
    ),
    "rate": Choose(stores="stars", title=say("How were you served?"), options=_stars, then="thanks", request="rate"),
    "thanks": End(say("Thank you. Your answer goes to those who run the service.")),
    "reopened": End(say("Sorry it is not fixed. {ref} is open again and a supervisor knows. New date: {date}.")),
    "appeal": Menu(
        title=say("{ref} was opened again twice already. You can appeal: another officer decides."),
        keys={"1": Key(say("Appeal"), then="appealed", request="appeal")},
    ),
    "appealed": End(
        say("Your appeal on {ref} is received. An officer who did not decide it before answers by {date}.")
    ),
    "too_late": End(_too_late_title),
    "changed_now": End(
        say("{ref} has changed meanwhile; your answer was not saved. Dial {code} to see how it stands.")
    ),
    "add_to_case": Ask(
        stores="added",
        title=say("{ref}: what do you want to add? (80 letters)"),
        suits=needs_a_word,
        after=_only_the_words,
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
