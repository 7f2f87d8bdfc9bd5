"""A USB modem, by way of gammu-smsd: messages go and come as files in its spool; a SIM card is all the line it needs.

What is handed over is deleted at the next poll: whoever dies in between reads the same again, and once it is stored no
text stays behind in the spool.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from sms_gateway import smsbackup, spool
from sms_gateway.encoding import printable
from sms_gateway.gateway import Accepted, Capabilities, GatewayFault, Mo, Mt, Policy, Polled, Refused, Report, State
from sms_gateway.msisdn import normalise
from sms_gateway.sendable import sendable
from sms_gateway.spool import Arrival, Awaited, Outgoing, Spool, files
from store.model import new_id

NAME: Final = "gammu"
IDLE_AFTER: Final = timedelta(minutes=15)  # nothing takes so long to send: the daemon stands still, or its modem does
_REPORT_WINDOW: Final = timedelta(hours=72)
_MOST_ASIDE: Final = 200
_TAKEN_AT_ONCE: Final = 100

# gammu's word in a report to ours; what became of a file is worded as its SQL tables would
STATES: Final[Mapping[str, State]] = {
    "Delivered": State.DELIVERED,
    "Pending": State.BUFFERED,
    "Failed": State.UNDELIVERABLE,
}
_FATES: Final[Mapping[str, tuple[State, str]]] = {
    "sent": (State.SUBMITTED, "SendingOK"),
    "error": (State.REJECTED, "SendingError"),
    "outbox": (State.EXPIRED, "NeverSent"),
}
_NO_SPOOL: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS})


class Gammu:
    """One modem. `folder` is where its gammu-smsd has its spool, `short_code` the number of its SIM card.

    `most_waiting` messages lie in its outbox at a time: more would only grow old where no other channel can take them.
    At-least-once, as the daemon is: killed between sending a file and moving it, it sends that file again.
    """

    capabilities = Capabilities(max_recipients=1, reports=True, polls=True)

    def __init__(
        self, name: str, folder: Path, short_code: str, clock: Callable[[], datetime], most_waiting: int = 30
    ) -> None:
        self.name = name
        self._spool, self._short_code, self._clock, self._most = Spool(folder), short_code, clock, most_waiting

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Put `batch` into the spool, in order. What lies there already under the same id is not put there again."""
        try:
            known, waiting = self._spool.ids(self._clock()), self._spool.waiting()
        except OSError as fault:
            return [_refusal(fault)] * len(batch)
        outcomes: list[Accepted | Refused] = []
        for message in batch:
            mt = sendable(message)
            if isinstance(mt, Refused):
                outcomes.append(mt)
            elif mt.id in known:
                outcomes.append(Accepted(mt.id, None))
            else:
                outcomes.append(self._congestion(waiting) or self._put(mt, waiting))
        return outcomes

    def poll(self, cursor: str) -> Polled:
        """What lies in the spool and was not handed over yet; what `cursor` names is stored, and deleted first.

        While something handed over is not stored, the same comes again and nothing else. Raises GatewayFault.
        """
        try:
            self._spool.make()
            self._forget(cursor)
            self._tidy()
            handed_over = next(iter(files(self._spool.taken)), None) or self._take()
            return self._read(handed_over) if handed_over else Polled((), (), cursor)
        except OSError as fault:
            raise GatewayFault(f"The spool of {self.name} cannot be used: {fault}.") from None

    # Sending

    def _congestion(self, waiting: Sequence[Outgoing]) -> Refused | None:
        oldest = min((one.at for one in waiting if not one.attempt), default=self._clock())
        if self._clock() - oldest > IDLE_AFTER:
            return Refused(Policy.CHANNEL, "daemon-idle", f"gammu-smsd sent nothing since {oldest:%Y-%m-%d %H:%M} UTC")
        if len(waiting) >= self._most:
            return Refused(Policy.TRANSIENT, "outbox-full", f"{len(waiting)} messages wait for the modem", True)
        return None

    def _put(self, mt: Mt, waiting: list[Outgoing]) -> Accepted | Refused:
        """Write the message beside its place and move it there: the daemon never sees half of it."""
        outbox, placed = self._spool.outbox, self._next(mt.id, waiting)
        draft = outbox / f".{mt.id}"
        try:
            spool.write_durably(draft, smsbackup.write(mt.id, mt.msisdn, mt.text))
            draft.rename(outbox / placed.name)
        except smsbackup.TooLong:
            return Refused(Policy.PERMANENT, "too-long")
        except OSError as fault:
            with contextlib.suppress(OSError):
                draft.unlink()
            return _refusal(fault)
        waiting.append(placed)
        try:
            spool.sync(outbox)
        except OSError as fault:  # the daemon may have it already
            return Refused(Policy.AMBIGUOUS, "not-synced", fault.strerror or "")
        return Accepted(mt.id, None)

    def _next(self, message_id: str, waiting: Sequence[Outgoing]) -> Outgoing:
        """A place behind all that wait, also when the clock stood still or went back: the daemon goes by the names."""
        now = self._clock()
        newest = max((one.at for one in waiting), default=now - timedelta.resolution)
        return Outgoing(message_id, max(now, newest + timedelta.resolution), 0)

    # Polling

    def _forget(self, cursor: str) -> None:
        for handed_over in files(self._spool.taken):
            if handed_over.name == cursor:
                shutil.rmtree(handed_over)

    def _tidy(self) -> None:
        """Give the daemon once more what the modem could not send, later each time; drop what is of no use."""
        now, folders = self._clock(), self._spool
        for path in files(folders.error):
            one = Outgoing.of(path.name)
            if one and one.may_be_tried_again(now):
                path.rename(folders.outbox / Outgoing(one.id, one.at, one.attempt + 1).name)
        for path in (*files(folders.awaited), *folders.outbox.glob(".*")):
            if spool.age(path, now) > _REPORT_WINDOW:
                path.unlink(missing_ok=True)
        for path in sorted(files(folders.aside), key=lambda path: path.stat().st_mtime_ns)[:-_MOST_ASIDE]:
            path.unlink()

    def _take(self) -> Path | None:
        """Move what is ready into a folder of its own, to hand it over; None if nothing is."""
        ready = [*self._left_the_outbox(), *self._received()]
        if not ready:
            return None
        handed_over = self._spool.taken / new_id()
        for path in ready:
            folder = handed_over / path.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # the daemon was quicker
                path.rename(folder / path.name)
        return handed_over

    def _left_the_outbox(self) -> Iterator[Path]:
        """What was sent, what is given up, and what is damaged: the daemon may stop at that for ever."""
        now, folders = self._clock(), self._spool
        yield from [path for path in files(folders.sent) if Outgoing.of(path.name)][:_TAKEN_AT_ONCE]
        for path in (*files(folders.error), *files(folders.outbox)):
            one = Outgoing.of(path.name)
            if one and (one.is_given_up(now) or spool.is_damaged(path, now)):
                yield path

    def _received(self) -> Iterator[Path]:
        """All that lies there from one sender after the other, the parts of their messages together."""
        now, by_sender = self._clock(), dict[str, list[Path]]()
        for path in files(self._spool.inbox):
            sender = spool.sender_of(path)
            if sender is not None:
                by_sender.setdefault(sender, []).append(path)
        found = 0
        for paths in by_sender.values():
            if found < _TAKEN_AT_ONCE and all(spool.is_settled(path, now) for path in paths):
                found += len(paths)
                yield from paths

    def _read(self, handed_over: Path) -> Polled:
        fates = [self._fate(path) for folder in _FATES for path in sorted(handed_over.glob(f"{folder}/*"))]
        messages: list[Mo] = []
        reports: list[Report] = []
        for arrival in spool.arrivals(handed_over.glob("inbox/*")):
            msisdn = normalise(arrival.sender)
            if msisdn and arrival.is_report:
                reports += self._reports(arrival, msisdn, handed_over)
            elif msisdn and arrival.text is not None:
                messages.append(self._mo(arrival, msisdn, arrival.text))
            else:
                self._put_aside(arrival.paths)
        return Polled(tuple(messages), (*fates, *reports), handed_over.name)

    def _fate(self, path: Path) -> Report:
        """What became of a file that left the outbox. Of one that was sent its number and reference are remembered."""
        state, raw = _FATES[path.parent.name]
        one, content = Outgoing.of(path.name), path.read_text("utf-8", "replace")
        message_id = one.id if one else ""
        if state is State.SUBMITTED:
            remembered = Awaited.name_of(message_id, content)
            if remembered:
                (self._spool.awaited / remembered).touch()
        elif not spool.is_whole(content):
            state, raw = State.UNKNOWN, "Damaged"
        return Report(self.name, message_id, state, raw, None, None)

    def _mo(self, arrival: Arrival, msisdn: str, text: str) -> Mo:
        """Its id is made of the message: a daemon that dies before it has cleared the SIM card saves the same twice."""
        made_of = f"{arrival.sender}|{arrival.at}|{text}".encode("utf-8", "surrogatepass")
        return Mo(
            provider=self.name,
            provider_id=sha256(made_of).hexdigest()[:32],
            msisdn=msisdn,
            short_code=self._short_code,
            text=printable(text),
            sent_at=arrival.sent_at,
        )

    def _reports(self, arrival: Arrival, msisdn: str, handed_over: Path) -> Iterator[Report]:
        """The network names a number, and a message only by a reference that it soon uses again.

        So it is about the oldest message with that reference; where the daemon noted none, the oldest to that number.
        Of a long message only the last part's reference is known: what is said of the others is not heard.
        """
        matched = handed_over / "matched" / arrival.paths[0].name
        matched.mkdir(parents=True, exist_ok=True)
        fitting = self._spool.awaiting(matched) or [  # the former when the same is read again
            one
            for one in self._spool.awaiting()
            if one.msisdn == msisdn and one.reference in {"", str(arrival.reference)}
        ]
        if not fitting:
            return
        oldest, word = min(fitting, key=lambda one: one.id), printable(arrival.text or "").strip()
        state = STATES.get(word, State.UNKNOWN)
        if state in {State.DELIVERED, State.UNDELIVERABLE}:  # the last word: forgotten with what is handed over
            oldest.path.rename(matched / oldest.path.name)
        yield Report(self.name, oldest.id, state, word or "empty", msisdn, None)

    def _put_aside(self, paths: Iterable[Path]) -> None:
        """What no citizen sent (the operator's own messages, money receipts) or nobody can read is for the operator."""
        for path in paths:
            path.rename(self._spool.aside / path.name)


def _refusal(fault: OSError) -> Refused:
    """The message is certainly not in the spool. A spool that is not there, or not for us, is the channel's fault."""
    policy = Policy.CHANNEL if fault.errno in _NO_SPOOL else Policy.TRANSIENT
    return Refused(policy, "spool", fault.strerror or type(fault).__name__)
