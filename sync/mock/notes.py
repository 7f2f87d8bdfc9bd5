"""What the made-up office writes to citizens, by step and language. Its clerks are friendly and say what they did."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

_ANY: Final = ""

# step → category → language → notes
_NOTES: Final[Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]] = {
    "start": {
        "water": {
            "en": ("Our crew will look at the pipe tomorrow morning.", "We are looking for the leak on your line."),
            "sw": ("Mafundi wetu watakagua bomba kesho asubuhi.", "Tunatafuta mahali bomba linapovuja."),
        },
        "power": {
            "en": ("A crew is on its way to the transformer.", "We are tracing the fault on your line."),
            "sw": ("Mafundi wako njiani kuelekea transfoma.", "Tunatafuta hitilafu kwenye laini yenu."),
        },
        _ANY: {
            "en": ("We have taken this up; an officer has your file.", "Our officer will visit the place this week."),
            "sw": ("Tumeanza kulishughulikia; afisa ana faili yako.", "Afisa wetu atafika hapo wiki hii."),
        },
    },
    "ask": {
        _ANY: {
            "en": ("Which house or plot is it, and what is near it?", "Since which day is it like this?"),
            "sw": ("Ni nyumba au ploti gani, na iko karibu na nini?", "Hali hii ilianza siku gani?"),
        },
    },
    "wait": {
        _ANY: {
            "en": ("We wait for spare parts from the store.", "We wait for the permit to dig up the road."),
            "sw": ("Tunasubiri vipuri kutoka bohari.", "Tunasubiri kibali cha kuchimba barabara."),
        },
    },
    "done": {
        "water": {
            "en": (
                "We replaced the burst pipe; water is back since this morning.",
                "The valve was closed by mistake; we opened it and the water runs again.",
            ),
            "sw": (
                "Tumebadilisha bomba lililopasuka; maji yamerudi tangu asubuhi.",
                "Vali ilikuwa imefungwa kimakosa; tumeifungua na maji yanapatikana tena.",
            ),
        },
        "power": {
            "en": ("The transformer was repaired; power is back.", "We replaced the broken pole; power is back."),
            "sw": ("Transfoma imerekebishwa na stima imerudi.", "Tumebadilisha nguzo iliyovunjika; stima imerudi."),
        },
        _ANY: {
            "en": ("Our officer visited the place and the work was finished today.",),
            "sw": ("Afisa wetu alifika mahali hapo na kazi imekamilika leo.",),
        },
    },
}


def note(step: str, category: str, language: str, rng: Random) -> str:
    """A note for the citizen, of at least 20 characters."""
    kinds = _NOTES[step]
    words = kinds.get(category) or kinds[_ANY]
    return rng.choice(words.get(language) or words["en"])
