"""Advice: the questions that people often ask, by category, with the pack's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from locales import say
from menus.engine import Choose, Option, Read, Scene, Screen
from packs.model import Faq, text

GENERAL: Final = "general"  # stands for the questions of no category


def _topics(scene: Scene) -> list[Option]:
    """The categories that have answers, in the order of the menu; what is of general use first."""
    pack, language = scene.world.pack, scene.world.language
    general = [Option(GENERAL, scene.say("This service"))] if pack.faqs_of(None) else []
    offered = [category for page in ("", "9") for category in pack.menu(page)]
    return [*general, *(Option(one.code, text(one.name, language)) for one in offered if pack.faqs_of(one.code))]


def _questions(scene: Scene) -> list[Option]:
    topic = scene.draft["topic"]
    listed = scene.world.pack.faqs_of(None if topic == GENERAL else topic)
    return [Option(one.code, text(one.question, scene.world.language)) for one in listed]


def _chosen(scene: Scene) -> Faq:
    return next(one for one in scene.world.pack.faqs if one.code == scene.draft["faq"])


SCREENS: Final[Mapping[str, Screen]] = {
    "advice": Choose(stores="topic", title=say("Advice about:"), options=_topics, then="faqs"),
    "faqs": Choose(stores="faq", title=say("Choose a question:"), options=_questions, then="faq"),
    "faq": Read(
        title=lambda scene: text(_chosen(scene).question, scene.world.language),
        body=lambda scene: text(_chosen(scene).answer, scene.world.language),
    ),
}
