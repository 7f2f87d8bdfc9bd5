"""Where everything is put together: settings become a keyring, gateways, listeners and the shells that use them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

import packs
from cases import pins
from cases.casework import Casework, Happened, Listener
from cases.checkpoints import Signer
from cases.citizens import Citizens
from cases.clusters import Sketching
from cases.figures import Figures
from cases.suggestions import Suggesting
from menus.conversation import Conversation, Voice
from menus.insight import Insight
from menus.messages import Renderer
from menus.notifier import Notifier
from menus.reminders import Reminders
from menus.texting import Texting
from packs.places import PlaceIndex, place_index
from sms_gateway.gateway import Gateway
from sms_gateway.outbox import Outbox
from sms_gateway.polling import Polling
from sms_gateway.simulator import Simulator
from store import database
from store import migrate as migrations
from store.clock import utcnow
from store.model import set_node
from store.sealing import Keyring
from sync.feed import Feeding
from ussd_app import languages, networks
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT, Settings

if TYPE_CHECKING:
    from sync.exchange import Exchanges

PACKS: Final = ROOT / "packs"

log = structlog.get_logger("mlango")


@dataclass(frozen=True, slots=True)
class House:
    """All the parts of one process, ready to use."""

    settings: Settings
    citizens: Citizens
    casework: Casework
    conversation: Conversation
    texting: Texting
    polling: Polling
    outbox: Outbox
    figures: Figures
    insight: Insight
    reminders: Reminders
    signer: Signer
    gateways: tuple[Gateway, ...]
    handsets: Simulator | None  # the simulated network of demo mode
    open_exchanges: Callable[[], Exchanges]

    @property
    def exchanges(self) -> Exchanges:
        """The exchange with offices. Made when it is first asked for: most processes have no use for it."""
        return self.open_exchanges()


def build(settings: Settings) -> House:
    """Wire one process. Opens no connection yet."""
    bind(settings)
    citizens = Citizens(_keyring(settings))
    listeners: list[Listener] = [
        Notifier(packs.current),
        Feeding(packs.current),
        pins.give,
        Suggesting(packs.current, log.error),
        Sketching(packs.current, hmac.digest(settings.index_secret, b"sketches of words", "sha256"), log.error),
        _write_to_the_log,
    ]
    casework = Casework(packs.current, citizens, listeners)
    gateways = networks.gateways(settings, citizens)
    spoken = offered_languages(settings)
    voice = Voice(
        service=settings.service_name,
        code=settings.service_code,
        short=settings.short_code,
        octets=settings.ussd_octets,
        languages=spoken,
        free=settings.pays == "county",
        first_octets=settings.ussd_first_octets,
    )
    texting = Texting(citizens, casework, pack_and_places, spoken, log.error)
    insight = Insight(packs.current, log.error)
    renderer = Renderer(packs.current, settings.service_name, settings.service_code)
    return House(
        settings=settings,
        citizens=citizens,
        casework=casework,
        conversation=Conversation(citizens, casework, pack_and_places, voice, insight, log.error),
        texting=texting,
        polling=Polling(gateways, texting.receive, log.warning),
        outbox=Outbox(
            citizens,
            networks.channels_of(settings, gateways),
            renderer,
            log.warning,
            networks.limits_of(settings),
            alert=log.error,
        ),
        figures=Figures(packs.current),
        insight=insight,
        reminders=Reminders(citizens, packs.current, insight, log.error),
        signer=Signer(settings.masters),
        gateways=gateways,
        handsets=next((one for one in gateways if isinstance(one, Simulator)), None),
        open_exchanges=cache(lambda: _exchanges(settings, citizens, casework)),
    )


def _exchanges(settings: Settings, citizens: Citizens, casework: Casework) -> Exchanges:
    from ussd_app import offices  # noqa: PLC0415  spreadsheets and SFTP take time and memory to load

    return offices.exchanges(settings, citizens, casework)


def bind(settings: Settings) -> None:
    """Point this process at its database and give it its name."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database.close()
    database.bind(settings.database)
    set_node(settings.node)


def bind_prepared(settings: Settings) -> None:
    """As `bind`; raises Refusal unless the database has the form that this version needs."""
    bind(settings)
    if migrations.pending():
        raise Refusal("The database is not up to date. Run first: ./mlango migrate")


def pack_and_places() -> tuple[packs.Pack, PlaceIndex]:
    """The pack in force, and the search over its places."""
    pack = packs.current()
    return pack, place_index(pack)


def offered_languages(settings: Settings) -> Callable[[], tuple[str, ...]]:
    """A function that tells which languages citizens may choose; counted anew when the pack changes."""
    folder, counted = PACKS / settings.pack, dict[str, tuple[str, ...]]()

    def offered() -> tuple[str, ...]:
        pack = packs.current()
        if pack.version not in counted:
            counted[pack.version] = languages.offered(settings.offers_unreviewed, pack, folder)
        return counted[pack.version]

    return offered


def migrate(settings: Settings, say: Callable[[str], None]) -> None:
    """Bring the database up to date and say what was done."""
    bind(settings)
    applied = migrations.run()
    say(f"Applied {', '.join(applied)}." if applied else "The database is up to date.")


def prepare(settings: Settings, say: Callable[[str], None]) -> None:
    """Everything that must be there before the service can answer: tables, the pack, in demo mode some cases to see."""
    bind(settings)
    for name in migrations.run():
        say(f"Database: applied {name}.")
    outcome = publish_pack(settings)
    if outcome.changed:
        pack = outcome.pack
        say(f"Pack {pack.code}: loaded, {len(pack.places)} places, {len(pack.agencies)} agencies.")
    house = build(settings)
    networks.refuse_what_citizens_cannot_do(settings, house.gateways)
    if settings.mode == "demo":
        from ussd_app import demo  # noqa: PLC0415  only here is it needed

        demo.furnish(house, utcnow())


def publish_pack(settings: Settings) -> packs.Outcome:
    """Check the pack's files and put them in force. Raises Refusal with every fault."""
    return packs.publish(read_pack(PACKS / settings.pack), utcnow())


def read_pack(folder: Path) -> packs.Pack:
    """The pack in `folder`. Raises Refusal with every fault in its files."""
    try:
        return packs.load(folder)
    except packs.PackFaults as wrong:
        raise Refusal(*map(str, wrong.faults)) from None


def _keyring(settings: Settings) -> Keyring:
    masters = settings.masters
    return Keyring(masters, next(iter(masters)), settings.index_secret)


def _write_to_the_log(happened: Sequence[Happened], _: datetime) -> None:
    """A line for each case that changed: ids and codes, so that an operator can follow a case without reading it."""
    kinds: dict[str, list[str]] = {}
    for event in happened:
        kinds.setdefault(event.case.id, []).append(str(event.kind))
        if event.after.get("queue"):  # an operator's alert: nobody has this case until somebody takes it
            log.warning("case_needs_a_person", case=event.case.id, queue=event.after["queue"])
    for event in happened:
        if event.case.id in kinds:
            told = kinds.pop(event.case.id)
            log.info("case_changed", case=event.case.id, events=told, source=event.change.source, to=event.case.agency)
