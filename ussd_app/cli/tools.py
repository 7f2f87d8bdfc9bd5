"""Commands for those who work on Mlango: the tests and the benchmarks. `./mlango` has installed what they need."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from ussd_app.settings import ROOT

_PASS_ON: Final = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests, on all cores. ARGUMENTS go to pytest: `./mlango test -k outbox`."""
    _become("pytest", "-n", "auto", "--dist", "worksteal", *arguments)


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Run the benchmarks on generated data; prints a table and writes bench/results/."""
    _become("bench", *arguments)


def _become(module: str, *arguments: str) -> None:
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell
