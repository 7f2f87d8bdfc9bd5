"""Commands of `./mlango`, run in the process of a test."""

from __future__ import annotations

import logging

import click
import structlog
from click.testing import CliRunner, Result

from ussd_app.refusal import Refusal


def run(command: click.Command, *arguments: str, answer: str | None = None) -> Result:
    """One command, as a process of its own would do it; what it did to the logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(command, arguments, input=answer)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def told(command: click.Command, *arguments: str, answer: str | None = None) -> str:
    """What a command that succeeds prints."""
    result = run(command, *arguments, answer=answer)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def refusal(command: click.Command, *arguments: str) -> str:
    """The one sentence with which a command refuses."""
    error = run(command, *arguments).exception
    assert isinstance(error, Refusal), repr(error)
    (sentence,) = error.faults
    return sentence
