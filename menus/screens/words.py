"""What screens that take free text have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from locales import say
from menus.drafts import SECRECY, is_cut, tells_of_danger
from menus.engine import Key, Menu, Scene, Screen

# Both emergency screens say the same; what follows differs
DANGER: Final = say(
    "In danger now? Hang up and call {police} or {emergency}, free. Violence at home: {violence}. Child: {child}."
)


def needs_a_word(typed: str) -> str:
    """The hint for a text without a single letter or digit."""
    return "" if any(letter.isalnum() for letter in typed) else say("Type at least one word.")


def added_title(scene: Scene) -> str:
    """Words as long as the network carries may have lost their end: they are kept, and the rest is welcome."""
    if is_cut(scene.draft.get("added", "")):
        return say("Added, but your phone may have cut it. Type the rest, or:")
    return say("Added. Type more, or:")


def calm_or(stores: str, then: str | Callable[[Scene], str], danger: str) -> Callable[[Scene], str]:
    """Where the words just stored lead: to the emergency numbers first (`danger`) if somebody may be hurt."""

    def after_words(scene: Scene) -> str:
        if tells_of_danger(scene.world.pack, scene.world.places, scene.draft[stores]):
            return danger
        return then if isinstance(then, str) else then(scene)

    return after_words


def _back_to_words(scene: Scene) -> str:
    """Where words were being added: to a secret report, to a complaint just lodged, to an older case."""
    if scene.draft.get(SECRECY):
        return "secret_more"
    return "add_more" if scene.draft.get("sub") else "added_to_case"


SCREENS: Final[Mapping[str, Screen]] = {
    # after words were saved; before a complaint is lodged it is `emergency`
    "emergency_added": Menu(
        title=DANGER,
        keys={"1": Key(say("Go on with the complaint"), then=_back_to_words)},
        root=True,
    ),
}
