"""`./mlango case lifecycle`: the table of what may happen to a case, for reading. `docs/lifecycle.md` is made of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import click

from cases.lifecycle import DECIDED, OPEN, RULES, Action, Role, Rule, State, plain

_WIDTH: Final = 118
_SETS: Final = (("any", frozenset(State)), ("any open", OPEN), ("any decided", DECIDED))


class Line(NamedTuple):
    """A rule of the table in words; `to` is "stays" where the state does not change."""

    action: Action
    start: str
    by: str
    to: str
    conditions: tuple[str, ...]  # each goes on from the action's name


def lines() -> Iterator[Line]:
    """The rules in the table's order."""
    for rule in RULES:
        yield Line(
            action=rule.action,
            start=_start(rule),
            by=", ".join(plain(role) for role in Role if role in rule.roles),
            to=plain(rule.end) if rule.end else "stays",
            conditions=tuple(guard.sentence for guard in rule.guards),
        )


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, ending in a line break."""
    written = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in written)


def markdown(meanings: Mapping[Action, str] | None = None) -> str:
    """The whole table in Markdown, with what each action means below its name."""
    told = {action: f"<br>{meaning}" for action, meaning in (meanings or {}).items()}
    rows = [
        (f"**{plain(one.action)}**{told.get(one.action, '')}", one.start, one.by, one.to, "<br>".join(one.conditions))
        for one in lines()
    ]
    return markdown_table(("action", "from", "by", "to", "conditions"), rows)


@click.command(short_help="The table of what may happen to a case, and who may do it.")
@click.option("--markdown", "as_markdown", is_flag=True, help="As a Markdown table.")
def lifecycle(as_markdown: bool) -> None:
    """Print the table of what may happen to a case: nothing else can.

    A condition goes on from the action's name: "resolve … needs a note of at least 20 characters".
    """
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    for one in lines():
        click.echo(click.style(f"{plain(one.action)}: ", bold=True) + f"{one.start} → {one.to}")
        for text in (f"by {one.by}", *one.conditions):
            click.echo(textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="      "))


def _start(rule: Rule) -> str:
    if rule.start is None:
        return "no case yet"
    named = next((name for name, states in _SETS if rule.start == states), None)
    return named or ", ".join(plain(state) for state in State if state in rule.start)
