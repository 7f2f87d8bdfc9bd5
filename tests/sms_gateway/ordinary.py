"""Ordinary texts: what people tell the service about, in English, Swahili and Sheng, put together by chance.

The words come from the lexicon of the pack and from what people begin, stretch and end a text with; many begin with a
word that is also a keyword. The same seed makes the same texts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from packs.model import LANGUAGE, NOTHING
from ussd_app import wiring

_LEXICON: Final = wiring.PACKS / "ke" / "lexicon.csv"
_PLACES: Final = wiring.PACKS / "ke" / "places.csv"

_BEFORE: Final = [
    *[""] * 12,
    *["Habari, ", "Hello, ", "Hi ", "Jamani ", "Manze ", "Yaani ", "Good morning. ", "Sasa ", "Ati ", "Buda ", "Aki "],
    *[
        "Please ",
        "Tafadhali ",
        "Naomba mjue ",
        "We have ",
        "There is ",
        "Why ",
        "Mbona ",
        "Kuna ",
        "Hapa kuna ",
        "Sisi ",
    ],
    *["Nisaidie jamani ", "Help us here ", "Msaada tafadhali wakubwa ", "Stop this ", "Acha niseme ", "Acheni hii "],
    *[
        "Hali ya ",
        "Hali mbaya sana ya ",
        "Case ya ",
        "The case of ",
        "Status ya hapa ni mbaya, ",
        "Call the office about ",
    ],
    *[
        "Anza kurekebisha ",
        "Start repairing the ",
        "Afisa wa hapa hajali ",
        "Human beings suffer here from ",
        "Bado kuna ",
    ],
    *["Not fixed yet ", "No ", "New ", "Yes there is ", "Ndio kuna ", "Hapana hatutaki ", "Sitaki tena ", "Nataka "],
    *[
        "Rate ya ",
        "Pima hii ",
        "Luka amesema ",
        "We are tired of ",
        "Naam ni kweli ",
        "Info about ",
        "Officer aliniambia ",
    ],
]
_MIDDLE: Final = [
    *[
        "",
        " imeharibika",
        " iko down",
        " ni shida",
        " hakuna",
        " imekwisha",
        " is broken",
        " is not working",
        " ime-fail",
    ],
    *[" inanuka", " tangu jana", " since Monday", " 3 days now", " kwa wiki 2", " for 4 months", " mwezi wa 3 sasa"],
    *[" walisema 2000", " they want 5k", " wameitisha 500", " tangu 2023", " number 4 on the list", " saa 12 jioni"],
]
_AT: Final = [
    " {}",
    " hapa {}",
    " in {}",
    " at {} stage",
    " karibu na {}",
    " {} area",
    " mtaa wa {}",
    " kwa barabara ya {}",
    "",
]
_AFTER: Final = [
    *[""] * 6,
    *[
        ", please help",
        " tusaidieni",
        "!!",
        " asante",
        " pls do something",
        ". Thank you",
        " kwani hakuna serikali",
        "???",
    ],
    *[" we need help", " stop this", " fanyeni kitu", " 0712345678 ndio number yangu", " call us", " bado tunangoja"],
]


def texts(amount: int, seed: int = 5) -> Iterator[str]:
    """`amount` of them."""
    chance = Random(seed)  # noqa: S311 - no secret hangs on it
    said, places = _terms(), _names()
    for _ in range(amount):
        about = " ".join(chance.choice(part) for part in chance.choice(said))
        where = chance.choice(_AT).format(chance.choice(places))
        long = f"{chance.choice(_BEFORE)}{about}{chance.choice(_MIDDLE)}{where}{chance.choice(_AFTER)}"
        text = chance.choice((long, long, long, about, f"{about} {chance.choice(places)}"))  # many texts are short
        yield chance.choice((str, str.lower, str.upper, str.capitalize))(text.strip())


def _terms() -> list[list[Sequence[str]]]:
    """The terms of the lexicon that tell of trouble, each as its parts, each part as its ways to say it."""
    with _LEXICON.open(encoding="utf-8", newline="") as file:
        rows = [row["words"] for row in csv.DictReader(file) if row["means"] not in (NOTHING, LANGUAGE)]
    return [[part.replace("*", "").replace("#", "3").strip().split("|") for part in words.split("+")] for words in rows]


def _names() -> list[str]:
    with _PLACES.open(encoding="utf-8", newline="") as file:
        return sorted({row["ward"] for row in csv.DictReader(file)})


# Texts of people that a hasty reader takes for a command
TRAPS: Final = [
    "Stop cutting our water every weekend!!",
    "Stop.the police are beating people in Mathare",
    "Acha uongo, maji hayajafika",
    "Acheni kutuibia",
    "Wacha nikuambie, chief anaitisha pesa",
    "Sitaki kulipa hongo lakini wananilazimisha",
    "Sitaki simu za askari wa kaunti",
    "Stop texting while driving should be law, a matatu hit my son",
    "Anza kutuletea maji safi",
    "Start working on Jogoo road",
    "Resume the water supply",
    "Join us in this fight for clean water",
    "Hali ya barabara ni mbaya sana",
    "Hali ni mbaya",
    "Hali ngumu 3 months",
    "Case yangu imekwama kortini miezi 6",
    "Status quo remains, no water",
    "Track ya reli imeharibika",
    "Nisaidie mume wangu ananipiga",
    "Nisaidie, nimeibiwa simu",
    "Help there is fire in Mukuru",
    "Help my child was taken away",
    "Msaada wa chakula haujafika Turkana",
    "Misaada haijafika",
    "Info desk at Huduma is closed",
    "Lugha ya matusi kutoka kwa karani",
    "Language barrier at the clinic",
    "Kenya power",
    "Kenya Power wamekata stima",
    "Hela",
    "Hela zangu hazijarudishwa na KPLC",
    "Konya iko wapi maji",
    "Truck imeanguka",
    "Truck 2 zimeanguka Rongai",
    "Office imefungwa",
    "Officers wanaitisha hongo",
    "Officer at the gate asked for money",
    "Reports say the bridge fell",
    "We need water",
    "We",
    "Luka ameibiwa",
    "Naam",
    "Note 5 wameiba simu yangu",
    "Rate ya stima imepanda",
    "Rates zimepanda 200",
    "Eating 3 times a day is a dream",
    "Open sewer near school",
    "Open again the dispensary",
    "Fungua tena barabara ya Outering",
    "New road is already broken",
    "No water",
    "Yes we still have no lights",
    "1 child died",
    "2 weeks no water",
    "5 people were arrested",
    "Me too I have no water",
    "Na mimi sina maji",
    "Call the police, they are beating him",
    "Human waste in the river",
    "Ongea na chief amalize hii shida",
    "Bado hakuna maji",
    "Bado siku 3",
    "Not true what they say about the clinic",
    "Si kweli, hawakuja",
    "Nawapa 3 days, nitaenda kortini",
    "Appeal to the governor: no drugs in the hospital",
    "Rufaa hospital haina dawa",
    "Referral hospital has no drugs since 2023",
    "Asante kwa maji, lakini stima bado",
    "Ok but no water",
    "Congratulations! Umeshinda 100,000 piga 0700000000",
    "DT85TH896 Confirmed. You have received Ksh3,500.00 from JOHN DOE 0712000000 on 31/7/13 at 6:43 PM",
    "Luku imeisha manze na hakuna doh ya token",
    "Meter yangu ya stima 37123456789 haisomi",
    "Single business permit nimelipa lakini hawanipi certificate",
    "https://example.org/a?b=482 angalia hii",
]
