"""The two processes behind the web server: the relay, which ticks, and the worker, which sends.

The message table is the truth; Redis only carries the wake-up. With Redis gone everything waits and nothing is lost.
Files to offices and back go in a thread of the relay: its rows say what is due, so they need no wake-up, and a worker
that carried them would keep SMS waiting.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from time import monotonic
from types import FrameType
from typing import Final

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from cases import checkpoints, clusters
from cases.sweep import sweep
from menus import abuse, sessions
from sms_gateway import heartbeat, outbox
from store import database
from store.clock import utcnow
from ussd_app import logs, wiring
from ussd_app.privacy import Keep, retain
from ussd_app.settings import Settings
from ussd_app.wiring import House

QUEUE: Final = "outbox"
SEND: Final = "jobs.outbox.send"
LOOK_EVERY_S: Final = 0.5  # for messages that are due
TICK_EVERY: Final = 10  # looks
FETCH_EVERY_S: Final = 5.0
EXCHANGE_EVERY_S: Final = 5.0
TEND_EVERY: Final = 12  # looks at the exchange: a minute
SWEEP_EVERY: Final = 2  # ticks
SEAL_EVERY: Final = 12  # ticks: a minute
PATIENCE_S: Final = 2.0  # that one round of timers or figures may take: messages wait for nobody
FORGET_SESSIONS_AFTER: Final = timedelta(days=7)
WORKER_TTL_S: Final = 20  # a worker that is silent so long is gone
REDIS_PAUSE_S: Final = 3.0  # how soon a worker looks for a Redis that is gone
MOST_COUNTED: Final = 5_000  # events a tick
_JOB_TIMEOUT_S: Final = 600

log = structlog.get_logger("mlango")


def redis(settings: Settings, patience_s: float | None = 0.25) -> Redis:
    """A connection that gives up at once: nobody may wait for Redis, it only carries wake-ups."""
    return Redis.from_url(
        settings.redis,
        socket_connect_timeout=0.25,
        socket_timeout=patience_s,
        retry=Retry(NoBackoff(), 0),
    )


def queue(connection: Redis) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)


def run_worker(settings: Settings) -> None:
    """Send what the outbox holds whenever the relay says so, until asked to stop. Outlives Redis."""
    logs.set_up(settings.log_level)
    house()  # wired before the first job, and only once
    stop = threading.Event()
    while not stop.is_set():
        _set_on_signals(stop)  # RQ puts other handlers in their place while it works
        with contextlib.suppress(RedisError, OSError, StopRequested):
            _worker(settings, stop).work(logging_level="WARNING")
        if not stop.is_set():
            log.warning("worker_without_redis")
        _set_on_signals(stop)
        stop.wait(REDIS_PAUSE_S)


class Worker(SimpleWorker):
    """RQ's worker, for a Redis that comes and goes."""

    max_connection_wait_time = REDIS_PAUSE_S
    stop: threading.Event

    def subscribe(self) -> None:
        """Takes no commands through Redis, which only carries wake-ups; so there is no thread that listens for them."""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say again who we are: a Redis that was started anew has forgotten its workers."""
        if not self.connection.exists(self.key):
            self.register_birth()  # type: ignore[no-untyped-call]
        super().heartbeat(timeout, pipeline)

    def check_for_suspension(self, burst: bool) -> None:  # noqa: ARG002 - RQ names it
        """Before each job, and nobody suspends it: a signal that came before RQ listened for any is heard here."""
        if self.stop.is_set():
            raise StopRequested

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def _worker(settings: Settings, stop: threading.Event) -> Worker:
    worker = Worker(
        [queue(redis(settings, patience_s=None))],
        connection=redis(settings, patience_s=None),
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=5,
        log_job_description=False,
    )
    worker.stop = stop
    return worker


def drain() -> int:
    """The worker's job: send until nothing is due. How many messages were taken."""
    taken = database.steady(lambda: house().outbox.drain(utcnow))
    if taken:
        log.info("outbox_drained", messages=taken)
    return taken


def run_relay(settings: Settings) -> None:
    """Tick until asked to stop."""
    logs.set_up(settings.log_level)
    stop = threading.Event()
    _set_on_signals(stop)
    relay = Relay(wiring.build(settings), redis(settings))
    for work in (relay.fetch, relay.exchange):
        threading.Thread(target=work, args=(stop,), daemon=True).start()
    while not stop.is_set():
        relay.look()
        stop.wait(LOOK_EVERY_S)


class Relay:
    """Looks for due messages twice a second and wakes the worker; every fifth second a tick does what time brings."""

    def __init__(self, house: House, connection: Redis) -> None:
        self._house, self._connection = house, connection
        self._looks = 0
        self._redis_is_down = False

    def look(self) -> None:
        """One round. A fault is logged, and the next round tries again."""
        try:
            self._wake()
            if self._looks % TICK_EVERY == 0:
                self._tick(heartbeat.beat(utcnow()))
        except Exception:
            log.exception("relay_round_failed")
            database.close()
        self._looks += 1

    def _wake(self) -> None:
        now = utcnow()
        if not self._house.outbox.ready(now):
            return
        try:
            waiting = queue(self._connection)
            if waiting.count == 0:
                waiting.enqueue(SEND, job_timeout=_JOB_TIMEOUT_S, result_ttl=60, failure_ttl=3600)
            if self._redis_is_down:
                log.info("redis_is_back")
            self._redis_is_down = False
        except (RedisError, OSError) as fault:
            if not self._redis_is_down:
                log.warning("redis_is_down", fault=type(fault).__name__)
            self._redis_is_down = True

    def _tick(self, count: int) -> None:
        now = utcnow()
        if count % SWEEP_EVERY == 0:
            moved = outbox.sweep(now)
            handled = self._house.texting.retry(now)
            sessions.forget(now - FORGET_SESSIONS_AFTER)
            if moved or handled:
                log.info("swept", messages_moved=moved, messages_handled=handled)
        for duty in (self._time_passes, self._remind, self._count, self._keep_no_longer):
            self._apart(duty, now)
        if count % SEAL_EVERY == 0:
            self._apart(self._seal, now)

    def _apart(self, duty: Callable[[datetime], None], now: datetime) -> None:
        """A duty that fails is logged and keeps no other from being done."""
        try:
            duty(now)
        except Exception:
            log.exception("duty_failed", duty=duty.__name__.strip("_"))
            database.close()

    def _time_passes(self, now: datetime) -> None:
        """Escalations, reminders, silent closings: what is left after a while is taken up at the next tick."""
        until = monotonic() + PATIENCE_S
        done = sweep(self._house.casework, now, log=log.error, go_on=lambda: monotonic() < until)
        if done:
            log.info("time_passed", **done)

    def fetch(self, stop: threading.Event) -> None:
        """Ask the networks for what citizens sent, until told to stop. In a thread of its own: a network that does
        not answer holds it up for half a minute."""
        while not stop.is_set():
            self._apart(self._fetch, utcnow())
            stop.wait(FETCH_EVERY_S)

    def _fetch(self, now: datetime) -> None:
        fetched = self._house.polling.look(now)
        if fetched:
            log.info("messages_fetched", messages=fetched)

    def exchange(self, stop: threading.Event) -> None:
        """Send files to offices and read what comes back, until told to stop. In a thread of its own: a slow line, or
        a file of a million rows, holds up no SMS."""
        looks = 0
        while not stop.is_set():
            self._apart(self._exchange, utcnow())
            if looks % TEND_EVERY == 0:
                self._apart(self._tend, utcnow())
            looks += 1
            stop.wait(EXCHANGE_EVERY_S)

    def _exchange(self, _: datetime) -> None:
        for ran in self._house.exchanges.look(utcnow):
            rows = sum(taken.rows for taken in ran.taken)
            log.info("exchanged", agency=ran.agency, rows_in=rows, events_out=ran.rows, files_out=len(ran.delivered))

    def _tend(self, now: datetime) -> None:
        self._house.exchanges.tend(now)

    def _remind(self, now: datetime) -> None:
        reminded = self._house.reminders.look(now)
        if reminded:
            log.info("drafts_reminded", citizens=reminded)

    def _count(self, now: datetime) -> None:
        self._house.figures.catch_up(now, most=MOST_COUNTED)

    def _keep_no_longer(self, now: datetime) -> None:
        gone = retain(self._house.citizens, Keep.told_by(self._house.settings), now)
        clusters.prune(now)
        abuse.prune(now)
        if gone:
            log.info("kept_long_enough", **gone)

    def _seal(self, now: datetime) -> None:
        while sealed := checkpoints.seal(self._house.signer, now):
            log.info("checkpoint_sealed", seq=sealed.seq, events=sealed.events, root=sealed.root)


def _set_on_signals(stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


@cache
def house() -> House:
    """The worker process's wiring."""
    return wiring.build(Settings.load())
