"""The exchange with offices, put together from settings. Apart from the wiring: it brings programs for spreadsheets and
lines along that most processes never need."""

from __future__ import annotations

from functools import partial

import structlog

import packs
from cases.casework import Casework
from cases.citizens import Citizens
from sync.applying import Applier
from sync.exchange import Exchanges
from sync.inbound import Importer
from sync.manifest import Keys
from sync.outbound import Exporter
from sync.transports import Access, open_transport
from sync.transports.open311 import Open311
from sync.turn import Workshop
from sync.worklists import Worklists
from ussd_app.settings import Settings

log = structlog.get_logger("mlango")


def exchanges(settings: Settings, citizens: Citizens, casework: Casework) -> Exchanges:
    """The exchange with every office of the pack in force."""
    home, keys = settings.home, Keys(settings.masters)
    worklists = Worklists(citizens, packs.current, home)
    applier = Applier(casework, citizens, packs.current)
    workshop = Workshop(
        exporter=Exporter(citizens, packs.current, home, keys),
        worklists=worklists,
        importer=Importer(casework, citizens, packs.current, worklists, home, alert=log.error),
        talk=Open311(citizens, packs.current, applier, settings.exchange_secret),
        home=home,
        keys=keys,
    )
    by_minute = settings.mode == "demo"
    return Exchanges(packs.current, workshop, partial(open_transport, access=_access(settings)), by_minute=by_minute)


def _access(settings: Settings) -> Access:
    return Access(
        home=settings.home,
        secret=settings.exchange_secret,
        ssh_key=settings.exchange_ssh_key,
        smtp=settings.exchange_smtp.get_secret_value(),
        imap=settings.exchange_imap.get_secret_value(),
        sender=settings.exchange_sender,
        log=log.warning,
    )
