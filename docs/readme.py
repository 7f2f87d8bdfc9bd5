"""Keeps the README true: `python -m docs.readme` runs its examples against a real `./mlango up` and writes what they
print; a test runs them again and compares. Case numbers and dates may differ, nothing else."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ussd_app.settings import describe

ROOT: Final = Path(__file__).resolve().parents[1]
README: Final = ROOT / "README.md"
_EXAMPLE: Final = re.compile(r"(<!-- example: \w+ -->\n```console\n\$ )(.+)\n(?:.*\n)*?(```\n<!-- end -->)")
_SETTINGS: Final = re.compile(r"(<!-- settings -->\n\| variable.*\n\|---\|---\|---\|\n)(?:.*\n)*?(<!-- end -->)")


def renewed(readme: str) -> str:
    """The README with its settings table and the output of its examples as they are now."""
    with _service() as environ:

        def run(example: re.Match[str]) -> str:
            said = subprocess.run(  # noqa: S602  the command is the README's own
                example[2], shell=True, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60
            )
            return f"{example[1]}{example[2]}\n{said.stdout.strip()}\n{example[3]}"

        readme = _EXAMPLE.sub(run, readme)
    return _SETTINGS.sub(lambda table: table[1] + settings_table() + table[2], readme)


def settings_table() -> str:
    """The rows of the settings table."""
    return "".join(
        f"| `{row.variable}` | {f'`{row.default}`' if row.default else ''} | {row.meaning} |\n" for row in describe()
    )


def settled(readme: str) -> str:
    """The README with every case number and date replaced, to be compared."""
    return re.sub(r"\d{2}/\d{2}/\d{4}", "DD/MM/YYYY", re.sub(r"\b\d{3}-\d{3}-\d{3}\b", "###-###-###", readme))


@contextmanager
def _service() -> Iterator[dict[str, str]]:
    """A service of its own, with a home that is thrown away; the environment in which its commands find it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "MLANGO_HOME": home, "PORT": str(port), "TERM": "dumb", "COLUMNS": "100"}
        up = subprocess.Popen(
            [ROOT / "mlango", "up"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert up.stdout  # noqa: S101  it is a pipe
            assert up.stdout.readline().startswith("Ready"), "the service did not start"  # noqa: S101
            yield environ
        finally:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=30)


def main() -> None:
    """Write the README anew."""
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {README}.")


if __name__ == "__main__":
    main()
