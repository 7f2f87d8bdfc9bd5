"""A report in confidence, by keys alone: whom it is about, what they did, where. A sentence takes longer to type than
the network waits, and a phone is often shared.

The answers decide who receives it and who never sees it. Its number and PIN stand on the last screens and nowhere else:
not under My cases, not on the first screen, not where a dropped session is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from locales import say
from menus.drafts import SECRECY, accused
from menus.engine import Ask, Choose, Draft, End, Key, Menu, Option, Scene, Screen
from menus.screens.words import added_title, calm_or, needs_a_word
from packs.model import text

CONFIDENTIAL: Final = "confidential"
ANONYMOUS: Final = "anonymous"
_ABOUT_MONEY: Final = frozenset({"bribery.asked", "bribery.took"})  # where "how much" is the question


def next_question(scene: Scene) -> str:
    """What the report still lacks; at the end its place."""
    if not scene.draft.get(SECRECY):
        return "secret_intro"
    if not scene.draft.get("who"):
        return "secret_who"
    return "place" if scene.draft.get("sub") else "secret_what"


def _kept(visibility: str) -> Callable[[Scene], Draft]:
    """How secret it is to be. Abuse by police is about the police: nobody is asked what they have said."""

    def after(scene: Scene) -> Draft:
        pack, draft = scene.world.pack, {**scene.draft, SECRECY: visibility}
        who = pack.subject_of(draft["sub"]) if draft.get("sub") else None
        return {**draft, "who": who.code} if who else draft

    return after


def _subjects(scene: Scene) -> list[Option]:
    return [Option(one.code, text(one.name, scene.world.language), one.key) for one in scene.world.pack.subjects]


def _deeds(scene: Scene) -> list[Option]:
    subs = scene.world.pack.subs_of(scene.draft["category"])
    return [Option(one.code, text(one.name, scene.world.language), one.key) for one in subs]


def _is_preset(scene: Scene) -> bool:
    """Whether the kind itself says whom it is about: abuse by police."""
    return not scene.world.pack.categories[scene.draft["category"]].sensitive


def _what_to_change(scene: Scene) -> str:
    return "place" if _is_preset(scene) else "secret_who"


def _after_who(scene: Scene) -> str:
    return "place" if _is_preset(scene) else "secret_what"


def _after_what(scene: Scene) -> str:
    return "emergency" if scene.world.pack.subs[scene.draft["sub"]].danger else "place"


def _confirm_title(scene: Scene) -> str:
    if accused(scene.world.pack, scene.draft) and not _is_preset(scene):
        return say("{agency} gets it, not the office you named. Our SMS never say what it is about.")
    return say("{agency} gets it. Our SMS never say what it is about.")


def _text_title(scene: Scene) -> str:
    if scene.draft["sub"] in _ABOUT_MONEY:
        return say("Number {ref}\nPIN {pin}\nWrite them down. Then type when and how much; not your name (80 letters).")
    return say(
        "Number {ref}\nPIN {pin}\nWrite them down. Then type what they did and when; not your name (80 letters)."
    )


def _silent(scene: Scene) -> Draft:
    return {**scene.draft, "silent": "yes"}


def _loud(scene: Scene) -> Draft:
    return {key: value for key, value in scene.draft.items() if key != "silent"}


SCREENS: Final[Mapping[str, Screen]] = {
    "secret_intro": Menu(
        title=say("SECRET REPORT\nThe office you name never sees it or your number. In danger? Call {police}."),
        keys={
            "1": Key(say("Go on"), then=next_question, after=_kept(CONFIDENTIAL)),
            "2": Key(say("Go on, hide my number"), then=next_question, after=_kept(ANONYMOUS)),
        },
    ),
    "secret_who": Choose(stores="who", title=say("Who is it about?"), options=_subjects, then=_after_who),
    "secret_what": Choose(stores="sub", title=say("What did they do?"), options=_deeds, then=_after_what),
    # One screen for consent and sending: each more costs a key, and a session that may drop
    "secret_confirm": Menu(
        title=_confirm_title,
        needs="same",
        keys={
            "1": Key(say("Send, SMS me news"), then="secret_text", request="lodge", after=_loud),
            "2": Key(say("Send, no SMS"), then="secret_text", request="lodge", after=_silent),
            "3": Key(say("Change"), then=_what_to_change),
        },
    ),
    "secret_text": Ask(
        stores="added",
        title=_text_title,
        suits=needs_a_word,
        then=calm_or("added", "secret_more", "emergency_added"),
        request="add_words",
        keys={"1": Key(say("Finish"), then="secret_done")},
        root=True,
    ),
    "secret_more": Ask(
        stores="added",
        title=added_title,
        suits=needs_a_word,
        then=calm_or("added", "secret_more", "emergency_added"),
        request="add_words",
        keys={"1": Key(say("Finish"), then="secret_done")},
        root=True,
    ),
    "secret_done": End(
        say(
            "Sent to {agency}.\nNumber {ref}\nPIN {pin}\nWrite them down, check from any phone. "
            "Now clear this phone's call list."
        )
    ),
    "resume_secret": Menu(
        title=say("You did not finish last time."),
        root=True,
        keys={
            "1": Key(say("Go on"), then=lambda scene: str(scene.facts["resume_at"])),
            "2": Key(say("Delete it"), then="home", request="forget_draft"),
            "00": Key(say("Home"), then="home"),
        },
    ),
}
