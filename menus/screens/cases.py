"""Looking after a case: check by number or number and PIN, my cases, one case with its history, adding words to it,
saying whether it is solved, taking it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cases import reference
from cases.lifecycle import STARS
from locales import say
from menus.engine import Ask, Choose, Draft, End, Key, Menu, Option, Read, Scene, Screen
from menus.screens.words import added_title, calm_or, needs_a_word
from menus.values import HISTORY, Names, sayable, shortened, shown_date


def _mine(scene: Scene) -> list[Option]:
    """Named by the problem, not by the number: that is what people remember."""
    return [Option(case["id"], _line(scene, case)) for case in scene.facts["cases"]]


def _line(scene: Scene, case: Mapping[str, Any]) -> str:
    names = Names(scene.world.pack, scene.world.language)
    name = names.sub(case["sub"]) if case["sub"] else reference.shown(case["ref"])
    return f"{name}: {names.status(case['state'])}"


def _mine_title(scene: Scene) -> str:
    return say("My cases") if scene.facts["cases"] else say("This phone has no complaint yet.")


def _check_title(scene: Scene) -> str:
    """The same words for numbers that do not exist, are another phone's, or secret: nothing is given away."""
    if scene.facts.get("missed"):
        return say("Number and PIN do not fit. Type the PIN again.")
    return say("No such case for this phone. If you were given a PIN, type it.")


def _or_another_number(scene: Scene) -> Draft:
    """Who mistyped the number types it again rather than a PIN: it is looked for, and costs no try."""
    typed = scene.draft["pin"]
    return {**scene.draft, "case": typed} if len(reference.digits(typed) or "") == reference.DIGITS else scene.draft


def _more_keys(scene: Scene, key: str) -> bool:
    """Nobody is called about a secret report: who picks up the phone may not be who made it."""
    return {"2": not scene.facts["secret"], "3": bool(scene.facts.get("open"))}.get(key, True)


def _about_this_case(scene: Scene) -> Draft:
    return {**scene.draft, "call": "case"}


def _history(scene: Scene) -> str:
    """What it is and where, when an answer is due; then what happened, the newest first, a line each."""
    names = Names(scene.world.pack, scene.world.language)
    facts = scene.facts
    what = [names.sub(facts["sub"])] if facts.get("sub") else []
    where = [names.place(facts["place"])] if facts.get("place") else []
    told = [(one["date"], _happened(scene, names, one)) for one in facts["history"]]
    events = [f"{_short_date(date)} {happened}" for date, happened in told if happened]
    return "\n".join([", ".join([*what, *where]), *events] if what else events)


def _happened(scene: Scene, names: Names, one: Mapping[str, Any]) -> str:
    """What happened, and what the office said with it; "" where there is nothing that can be told."""
    template = HISTORY.get(one["kind"], "")
    if "{agency}" in template and not one["agency"]:
        return ""
    happened = (
        scene.say(template).format(agency=names.agency(one["agency"]) if one["agency"] else "") if template else ""
    )
    said = shortened(one["said"]) if sayable(one["said"]) else ""
    return ": ".join(filter(None, [happened, said]))


def _short_date(iso: str) -> str:
    """Day and month; the year is on the case's own screen."""
    return shown_date(iso)[:5]


def _withdrawn_title(scene: Scene) -> str:
    if scene.facts.get("sub"):
        return say("{ref} {sub}\n{status} since {date}")
    return say("{ref}\n{status} since {date}")


def _withdraw_title(scene: Scene) -> str:
    if scene.facts.get("sub"):
        return say("Withdraw {ref} ({sub})? It will be closed.")
    return say("Withdraw {ref}? It will be closed.")


def _case_title(scene: Scene) -> str:
    if scene.facts.get("sub"):
        return say("{ref} {sub}\n{status} since {date}\n{agency}, due {date2}")
    return say("{ref}\n{status} since {date}\n{agency}, due {date2}")


def _is_open(scene: Scene, key: str) -> bool:
    return key != "1" or bool(scene.facts.get("open"))


def _quoting(scene: Scene, title: str, otherwise: str) -> str:
    """The title with an office's words, or another one where there are none that every phone shows.

    No SMS has them if the case is secret: then they are read here to their end, whatever their letters.
    """
    said = scene.facts["said"]
    if said and scene.facts["secret"]:
        return scene.say(title).replace("{note}", "{said}").replace("{question}", "{said}")
    return title if sayable(said) else otherwise


def _solved_title(scene: Scene) -> str:
    return _quoting(
        scene,
        say("{ref}, {agency}:\n{note}\nIs it fixed?"),
        say("{ref}, {agency}:\nThe problem you reported was dealt with.\nIs it fixed?"),
    )


def _closed_title(scene: Scene) -> str:
    return _quoting(scene, say("{ref}, {agency}:\n{note}\nClosed on {date}."), _case_title(scene))


def _rejected_title(scene: Scene) -> str:
    return _quoting(
        scene,
        say("{ref}, {agency}:\n{note}\nNot accepted on {date}."),
        say("{ref}, {agency}:\nNot accepted on {date}."),
    )


def _question_title(scene: Scene) -> str:
    return _quoting(
        scene,
        say("{agency} asks:\n{question}\nType your answer (80 letters)."),
        say("{agency} asks about {ref}; the question is in our SMS. Type your answer (80 letters)."),
    )


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
    # The same screen for absent, foreign, mistyped and secret numbers
    "check_pin": Ask(
        stores="pin",
        title=_check_title,
        after=_or_another_number,
        then="case",
        request="unlock",
        keys={"1": Key(say("Try another number"), then="check")},
    ),
    "pin_locked": End(say("Too many tries. For the safety of reports, try again after 24 hours.")),
    "my_cases": Choose(stores="case", title=_mine_title, options=_mine, then="case", needs="my_cases"),
    "case": Menu(
        title=_case_title,
        needs="case",
        keys={"1": Key(say("Add words"), then="add_to_case"), "2": Key(say("Other steps"), then="case_more")},
        when=_is_open,
    ),
    "case_more": Menu(
        title="{ref}",
        keys={
            "1": Key(say("What was done so far"), then="history"),
            "2": Key(say("Call me about it"), then="call_me_done", request="call_me", after=_about_this_case),
            "3": Key(say("Withdraw it"), then="withdraw"),
        },
        when=_more_keys,
    ),
    "history": Read(title="{ref}", body=_history, needs="history"),
    "withdraw": Menu(
        title=_withdraw_title,
        keys={"1": Key(say("Yes, withdraw"), then="withdraw_done", request="withdraw")},
    ),
    "withdraw_done": End(say("{ref} is withdrawn. Changed your mind? Dial {code} within 7 days and press 2.")),
    # In place of `case`, for one that its citizen took back
    "withdrawn": Menu(
        title=_withdrawn_title,
        keys={"1": Key(say("Take it up again"), then="restored", request="restore")},
        when=lambda scene, _: bool(scene.facts["restorable"]),
    ),
    "restored": End(say("{ref} goes on with {agency}. You get an answer by {date}.")),
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
        then=calm_or("added", "added_to_case", "emergency_added"),
        request="add_to_case",
    ),
    "added_to_case": Ask(
        stores="added",
        title=added_title,
        suits=needs_a_word,
        then=calm_or("added", "added_to_case", "emergency_added"),
        request="add_to_case",
        keys={"1": Key(say("Finish"), then="added_done")},
        root=True,
    ),
    "added_done": End(say("Thank you. Your words are with {agency}.\nCase number {ref}")),
    "closed_now": End(say("This case is closed by now; your words were not added. Dial {code} to make a new one.")),
}
