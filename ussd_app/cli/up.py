"""`./mlango up`."""

from __future__ import annotations

import os
import sys

import click

from ussd_app import supervisor
from ussd_app.settings import Settings, unknown


@click.command()
def command() -> None:
    """Start the whole service on this machine; Ctrl-C stops it.

    Database, Valkey, web server, worker and relay. PORT (8000) and MLANGO_HOME (./var) may be set.
    """
    for sentence in unknown(os.environ):
        click.echo(f"mlango: {sentence}", err=True)
    supervisor.up(Settings.load(), out=sys.stdout, err=sys.stderr)
