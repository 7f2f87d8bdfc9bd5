"""Work on several languages at once, a process each where the machine has the processors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing import Pool
from typing import TypeVar, cast

import click

from packs.model import Pack

T = TypeVar("T")


def each(work: Callable[[Pack, str], T], pack: Pack, codes: Sequence[str], label: str) -> list[T]:
    """What `work` says of the pack in each language, in their order; a progress bar on a terminal."""
    if len(codes) == 1:
        return [work(pack, codes[0])]
    with (
        Pool(min(len(codes), os.cpu_count() or 1), _Worker.begin, (work, pack)) as pool,
        click.progressbar(
            pool.imap(_Worker.of, codes),
            length=len(codes),
            label=label,
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as done,
    ):
        return cast(list[T], list(done))


class _Worker:
    """What one process works with: the same pack for all its languages, or its places would be indexed anew."""

    work: Callable[[Pack, str], object]
    pack: Pack

    @classmethod
    def begin(cls, work: Callable[[Pack, str], object], pack: Pack) -> None:
        cls.work, cls.pack = staticmethod(work), pack

    @classmethod
    def of(cls, code: str) -> object:
        return cls.work(cls.pack, code)
