"""Files on their way, and what is asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from sync.transport import LinkFault, Transport
from tests.sync.transports import certificates
from tests.sync.transports.certificates import Certificate

# What Excel, Swahili, Amharic and a spiteful clerk put into a file
ROWS: Final = '\ufeff"case_ref","note"\r\n"482915633","Ng\'ombe; ግዕዝ"\r\n"200000005",""\r\n'.encode()


@dataclass
class Hub:
    """Our side: files to send, a folder for what comes, and a memory of what we have."""

    folder: Path
    have: set[tuple[str, str]] = field(default_factory=set)
    logged: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def file(self, name: str, content: bytes = ROWS) -> Path:
        path = self.folder / "out" / name
        path.write_bytes(content)
        return path

    @property
    def into(self) -> Path:
        return self.folder / "in"

    def known(self, name: str, stamp: str) -> bool:
        return (name, stamp) in self.have

    def fetches(self, transport: Transport, *, took: bool = True) -> dict[str, bytes]:
        """Fetch all there is and answer each file at once; what came, in order."""
        came: dict[str, bytes] = {}
        for path in transport.fetch(self.into, self.known):
            came[path.name] = path.read_bytes()
            if took:
                transport.took(path.name)
        return came

    def remembers_all(self, transport: Transport) -> None:
        """Fetch it all, and have it from then on."""

        def known(name: str, stamp: str) -> bool:
            self.have.add((name, stamp))
            return False

        list(transport.fetch(self.into, known))

    def log(self, event: str, **facts: Any) -> None:
        self.logged.append((event, facts))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.logged]

    @property
    def half_files(self) -> list[str]:
        """What lies about on our side under no name of its own."""
        return [path.name for path in self.folder.rglob(".*")]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    for name in ("out", "in"):
        (tmp_path / "hub" / name).mkdir(parents=True)
    return Hub(tmp_path / "hub")


@contextmanager
def fault(words: str, *, permanent: bool) -> Iterator[None]:
    """It fails with a sentence that has these words in it."""
    with pytest.raises(LinkFault) as raised:
        yield
    sentence = str(raised.value)
    assert words in sentence
    assert sentence.endswith((".", "?")), sentence
    assert raised.value.permanent is permanent, sentence


def put(transport: Transport, *files: Path) -> None:
    """Send files over a way that is closed afterwards."""
    with closing(transport):
        transport.put(files)


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder by name, hidden ones among them."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def names(files: Sequence[Path]) -> list[str]:
    return [file.name for file in files]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("certificate"))
