"""The settings of one box: read from the environment once, checked together, frozen.

Every setting is a variable MLANGO_<FIELD> (and PORT). Demo mode needs none. All faults come in one exception, each
as one sentence that names its variable; secrets are never repeated. `describe()` is the table that the README shows.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from ussd_app import keys
from ussd_app.refusal import Refusal

ROOT: Final = Path(__file__).resolve().parents[1]
# A unix socket's path has room for 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES: Final = 100
# Read by the tests, the benchmarks and the error handler themselves; no settings of the service.
_NOT_OURS: Final = ("MLANGO_TEST_", "MLANGO_BENCH_", "MLANGO_UP_", "MLANGO_DEBUG")


# What a network cannot do without
_ACCOUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "africastalking": ("africastalking_username", "africastalking_api_key"),
    "kannel": ("kannel_username", "kannel_password"),
}


class BadSettings(Refusal):
    """Settings that cannot be used; `faults` has one sentence each."""


def _written_as(pattern: str, meaning: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {meaning}")
        return value

    return AfterValidator(check)


def _secret(check: Callable[[str], object]) -> AfterValidator:
    def checked(value: SecretStr) -> SecretStr:
        check(value.get_secret_value())
        return value

    return AfterValidator(checked)


def _tokens(text: str) -> tuple[str, ...]:
    tokens = tuple(token for token in (part.strip() for part in text.split(",")) if token)
    if len(tokens) > 2:
        raise ValueError("must hold one token, or two with a comma between them while changing over")
    return tokens


def _days(text: object) -> int:
    if not str(text).isdecimal() or not 30 <= int(str(text)) <= 36_500:
        raise ValueError("must be a whole number of days, from 30 to 36500")
    return int(str(text))


def _first_octets(text: object) -> int:
    if not str(text).isdecimal() or not 100 <= int(str(text)) <= 160:
        raise ValueError("must be a whole number of octets, from 100 to 160")
    return int(str(text))


def _price(text: object) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", str(text)):
        raise ValueError("must be a price in KSh, like 0.80")
    return float(str(text))


GATEWAYS: Final = ("simulator", "africastalking", "kannel", "gammu", "null")


def _service_code(text: str) -> str:
    if text == "none":
        return ""
    if not re.fullmatch(r"\*\d+(\*\d+)*#", text):
        raise ValueError("must be a code as it is dialled, like *384*96#, or none")
    return text


def _gateways(text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= set(GATEWAYS) or len(set(names)) < len(names):
        raise ValueError(f"must be one or more of {', '.join(GATEWAYS)}, with commas between them")
    return ",".join(names)


def _rates(text: str) -> str:
    pairs = [re.fullmatch(r"[a-z0-9-]+=(\d{1,4}(?:\.\d{1,3})?)", pair) for pair in text.split(",")] if text else []
    if not all(pair and float(pair[1]) for pair in pairs):
        raise ValueError("must be names and messages a second above 0, like kannel=50,gammu=0.2")
    return text


def _spools(text: str) -> str:
    name = "[a-z0-9-]{1,18}"  # a channel's name has room for 24 characters
    if not re.fullmatch(rf"/[^,=]*|{name}=/[^,=]*(,{name}=/[^,=]*)*", text):
        raise ValueError("must be a folder, or names and folders like safaricom=/path,airtel=/path")
    if any(len(set(part)) < len(part) for part in zip(*(pair.split("=") for pair in text.split(",")), strict=True)):
        raise ValueError("must give each modem a name and a folder of its own")
    return text


def _web_address(text: str) -> str:
    try:
        address = urlsplit(text)
        is_good = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:  # a port that is none
        is_good = False
    if not is_good or not re.fullmatch("[!-~]+", text):
        raise ValueError("must be a web address")
    return text


def _mail_server(schemes: tuple[str, ...]) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            address = urlsplit(text)
            is_good = not text or (address.scheme in schemes and bool(address.hostname) and address.port != 0)
        except ValueError:  # a port that is none
            is_good = False
        if not is_good:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and name a server")

    return check


def _office_secrets(text: str) -> dict[str, str]:
    """By the code of an office."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if not all(re.fullmatch("[A-Z][A-Z0-9-]{1,23}", name) and secret for name, _, secret in pairs):
        raise ValueError("must be offices and their secrets, like NCWSC=secret,KPLC=secret")
    return {name: secret for name, _, secret in pairs}


def _sender(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", text):
        raise ValueError("must be an e-mail address")
    return text


def _file_there(path: Path) -> Path:
    path = path.expanduser().absolute()
    if not path.is_file():
        raise ValueError("must be a file that is there")
    return path


def _quiet_hours(text: str) -> str:
    hours = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if text != "none" and (hours is None or max(map(int, hours.groups())) > 23 or hours[1] == hours[2]):
        raise ValueError("must be two hours of the day, like 21-7, or none")
    return text


def _count(least: int, most: int) -> Callable[[object], int]:
    def check(text: object) -> int:
        if not str(text).isdecimal() or not least <= int(str(text)) <= most:
            raise ValueError(f"must be a whole number, from {least} to {most}")
        return int(str(text))

    return check


def _switch(text: object) -> bool:
    known = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
    if str(text).lower() not in known:
        raise ValueError("must be 1 or 0")
    return known[str(text).lower()]


def _database(url: str) -> None:
    if not url.startswith(("postgresql://", "postgres://", "sqlite:////")):
        raise ValueError("must begin with postgresql:// (or sqlite://// and the path of a file)")


def _redis(url: str) -> None:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")


class Settings(BaseModel):
    """What one box is told. Build it with `Settings.load`, which fills in the demo keys and checks the mode's rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    mode: Literal["demo", "production"] = Field(
        "demo", description="`demo` needs nothing and sends nothing; `production` refuses to start half set up."
    )
    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        ROOT / "var", description="The folder for everything that is written: database, keys, logs, exchange files."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, description="The port of the web server.")
    host: str = Field("127.0.0.1", description="The address that the web server listens on.")
    database_url: Annotated[SecretStr, _secret(_database)] | None = Field(
        None, description="`postgresql://user:password@host/name`. Without it: SQLite in the home folder."
    )
    redis_url: Annotated[SecretStr, _secret(_redis)] | None = Field(
        None, description="`redis://host:6379/0`. Without it: an embedded Valkey on a unix socket."
    )
    master_keys: Annotated[SecretStr, _secret(keys.parse_masters)] = Field(
        SecretStr(""),
        description="Keys that seal personal data: `id:base64` of 32 bytes, several with commas, the first is current. "
        "Demo mode makes its own; required in production.",
    )
    index_key: Annotated[SecretStr, _secret(keys.parse_key)] = Field(
        SecretStr(""),
        description="The key of the look-up index of phone numbers: base64 of 32 bytes. As above.",
    )
    callback_token: Annotated[SecretStr, _secret(_tokens)] = Field(
        SecretStr(""),
        description="The token that the networks put on their callbacks; two with a comma while changing over. "
        "Without it only this machine may call; required in production.",
    )
    node: Annotated[str, _written_as("[a-z0-9][a-z0-9-]{0,31}", "small letters, digits and hyphens, 32 at most")] = (
        Field("box1", description="The name of this box, its own among all boxes that will ever be joined.")
    )
    service_name: Annotated[str, _written_as(".{1,20}", "1 to 20 characters")] = Field(
        "Mlango", description="The name that citizens see."
    )
    service_code: Annotated[str, AfterValidator(_service_code)] = Field(
        "*384*96#", description="The USSD code that citizens dial; `none` where there is no USSD."
    )
    short_code: Annotated[str, _written_as(r"\+?\d{3,15}", "3 to 15 digits")] = Field(
        "38496", description="The number that citizens send SMS to."
    )
    sms_gateway: Annotated[str, AfterValidator(_gateways)] = Field(
        "simulator",
        description="The networks that SMS leave through, the preferred one first: `simulator` (demo only), "
        "`africastalking`, `kannel`, `gammu` (a modem), `null` (sends nothing).",
    )
    sms_routes: str = Field(
        "", description="Which messages prefer which network; see [Networks](docs/networks.md). Empty: the order above."
    )
    sms_rates: Annotated[str, AfterValidator(_rates)] = Field(
        "", description="Messages a second that a network's contract allows, like `kannel=50,gammu=0.2`."
    )
    sms_number_day: Annotated[int, BeforeValidator(_count(5, 1_000))] | None = Field(
        None,
        description="SMS that one number gets in a day at most; the last three are kept for answers to its own texts. "
        "Without it: 20 in production, no limit in demo mode, where one phone plays many citizens.",
    )
    sms_day: Annotated[int, BeforeValidator(_count(100, 100_000_000))] = Field(
        20_000,
        description="Parts of SMS in a day in all (a long SMS has several): those to many stop at 80 % of it, news at "
        "100 %, receipts at 120 %.",
    )
    quiet_hours: Annotated[str, AfterValidator(_quiet_hours)] | None = Field(
        None,
        description="Hours of the day without news by SMS (answers go out): `21-7`, or `none`. "
        "Without it: `none` in demo mode, `21-7` in production.",
    )
    africastalking_username: str = Field("", description="The account at Africa's Talking (`sandbox` for their trial).")
    africastalking_api_key: SecretStr = Field(SecretStr(""), description="Its API key.")
    africastalking_sender: str = Field("", description="The sender ID that it registered; empty: the short code.")
    africastalking_base_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="Another address of their API, for trials."
    )
    kannel_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "http://127.0.0.1:13013/cgi-bin/sendsms", description="Where Kannel's smsbox takes messages."
    )
    kannel_username: str = Field("", description="The user of `group = sendsms-user` in Kannel's configuration.")
    kannel_password: SecretStr = Field(SecretStr(""), description="Its password.")
    kannel_sender: str = Field("", description="The sender of messages through Kannel; empty: the short code.")
    kannel_answers: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="Where Kannel reaches this box with delivery reports. Without it: this machine, at `PORT`."
    )
    gammu_spool: Annotated[str, AfterValidator(_spools)] = Field(
        "/var/spool/gammu",
        description="The folder that gammu-smsd works in; several modems: `safaricom=/path,airtel=/path`.",
    )
    exchange_secrets: Annotated[SecretStr, _secret(_office_secrets)] = Field(
        SecretStr(""),
        description="Passwords, tokens or API keys for the offices' own systems: `NCWSC=secret,KPLC=secret`.",
    )
    exchange_ssh_key: Annotated[Path, AfterValidator(_file_there)] | None = Field(
        None, description="The private key with which we log in to offices by SFTP: a file."
    )
    exchange_smtp: Annotated[SecretStr, _secret(_mail_server(("smtp", "smtps")))] = Field(
        SecretStr(""), description="The server that takes our mail to offices: `smtps://user:password@host:465`."
    )
    exchange_imap: Annotated[SecretStr, _secret(_mail_server(("imap", "imaps")))] = Field(
        SecretStr(""), description="The mailbox that offices answer to: `imaps://user:password@host/INBOX`."
    )
    exchange_sender: Annotated[str, AfterValidator(_sender)] = Field(
        "", description="From whom our mail to offices comes, and to whom they answer."
    )
    ussd_octets: Annotated[
        Literal[140, 160], BeforeValidator(lambda text: int(text) if str(text).isdigit() else text)
    ] = Field(140, description="Room for one USSD screen, in octets: 140 (160 characters) or 160 (182 characters).")
    ussd_first_octets: Annotated[int, BeforeValidator(_first_octets)] | None = Field(
        None, description="Room for the first screen of a session where the network allows it less: 100 to 160 octets."
    )
    pack: Annotated[str, _written_as("[a-z][a-z0-9_-]{1,31}", "the name of a folder in packs/")] = Field(
        "ke", description="The pack of agencies, categories and places: a folder in `packs/`."
    )
    pays: Literal["citizen", "county"] = Field(
        "citizen", description="Who pays for the USSD session and for SMS to the service; told to citizens."
    )
    cost_session: Annotated[float, BeforeValidator(_price)] = Field(
        1.0, description="KSh for one USSD session, by your contract; a public price is given. For `menus check` alone."
    )
    cost_sms_out: Annotated[float, BeforeValidator(_price)] = Field(
        0.8, description="KSh for one SMS to a citizen, by your contract; a public price is given."
    )
    cost_sms_in: Annotated[float, BeforeValidator(_price)] = Field(
        1.2, description="KSh for one SMS from a citizen, by your contract; a public price is given."
    )
    offer_unreviewed: Annotated[bool, BeforeValidator(_switch)] | None = Field(
        None,
        description="`1` offers citizens complete languages that no speaker has reviewed, `0` does not. "
        "Without it: demo mode does.",
    )
    keep_citizens_days: Annotated[int, BeforeValidator(_days)] = Field(
        730,
        description="Days after which a citizen is erased: since their last case ended and they were last heard of. "
        "Their cases stay, without a person.",
    )
    keep_messages_days: Annotated[int, BeforeValidator(_days)] = Field(
        180, description="Days after which the text of an SMS is erased, unless its case is still open."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The settings in `environ`. In demo mode the first load makes the keys (`home/keys.env`, mode 0600).

        Raises BadSettings with every fault at once.
        """
        given = {name: text for name in cls.model_fields if (text := environ.get(variable(name), "").strip())}
        faults = []
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            faults = [_sentence(fault) for fault in error.errors()]
        faults += _of_the_mode(given)
        if faults:
            raise BadSettings(*faults)
        missing = {"master_keys", "index_key"} - given.keys()
        if not missing:
            return settings
        try:
            made = keys.of_the_demo(settings.home)
            return cls.model_validate(given | {name: made[name] for name in missing})
        except OSError as error:
            raise BadSettings(unwritable(settings.home, error)) from None
        except (KeyError, ValidationError):
            broken = settings.home / keys.FILE
            raise BadSettings(f"{broken} is damaged; put it back from a copy, or choose another MLANGO_HOME.") from None

    @property
    def offers_unreviewed(self) -> bool:
        """Whether citizens are offered languages that no speaker has reviewed."""
        return self.mode == "demo" if self.offer_unreviewed is None else self.offer_unreviewed

    @property
    def gateways(self) -> tuple[str, ...]:
        """The names of the networks that SMS leave through, the preferred one first."""
        return tuple(self.sms_gateway.split(","))

    @property
    def rates(self) -> dict[str, float]:
        """Messages a second by channel, where the operator said so."""
        pairs = (pair.partition("=") for pair in self.sms_rates.split(",") if pair)
        return {name: float(rate) for name, _, rate in pairs}

    @property
    def spools(self) -> dict[str, Path]:
        """The folders of the modems, by the channel's name."""
        if "=" not in self.gammu_spool:
            return {"gammu": Path(self.gammu_spool)}
        pairs = (pair.partition("=") for pair in self.gammu_spool.split(","))
        return {f"gammu-{name}": Path(folder) for name, _, folder in pairs}

    @property
    def quiet(self) -> tuple[int, int] | None:
        """From which hour of the day to which no news goes out, on the clock of the pack; None: there are none."""
        hours = self.quiet_hours or ("none" if self.mode == "demo" else "21-7")
        if hours == "none":
            return None
        first, last = map(int, hours.split("-"))
        return first, last

    @property
    def number_day(self) -> int | None:
        """SMS that one number gets in a day at most; None: there is no limit."""
        return self.sms_number_day or (None if self.mode == "demo" else 20)

    @property
    def answers_at(self) -> str:
        """Where Kannel reaches this box."""
        return (self.kannel_answers or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def database(self) -> str:
        """Where the database is, as a URL: `postgresql://…`, or `sqlite:////…` under `home`."""
        return self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.home}/mlango.sqlite3"

    @property
    def redis(self) -> str:
        """Where Redis or Valkey is, as a URL that redis-py reads."""
        return self.redis_url.get_secret_value() if self.redis_url else f"unix://{quote(str(self.valkey_socket))}"

    @property
    def valkey_socket(self) -> Path:
        """The socket of the embedded Valkey: under `home`, or under /tmp when that path does not suit a socket.

        It may be too long, or hold what redis-py cannot read back in CLIENT INFO: a space or an equals sign.
        """
        path = self.home / "run" / "valkey.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES and re.fullmatch(r"[^\s=]+", str(path)):
            return path
        digest = sha256(os.fsencode(self.home)).hexdigest()[:12]
        # Not TMPDIR: every process of this box has to come to the same path.
        return Path(f"/tmp/mlango-{os.getuid()}-{digest}/valkey.sock")  # noqa: S108

    @property
    def masters(self) -> dict[str, bytes]:
        """The master keys by id; the first one is current."""
        return keys.parse_masters(self.master_keys.get_secret_value())

    @property
    def index_secret(self) -> bytes:
        """The 32 bytes of the look-up index's key."""
        return keys.parse_key(self.index_key.get_secret_value())

    def exchange_secret(self, agency: str) -> str:
        """The password, token or API key for an office's own system; empty where there is none."""
        return _office_secrets(self.exchange_secrets.get_secret_value()).get(agency, "")

    @property
    def callback_tokens(self) -> tuple[str, ...]:
        """The tokens that a callback may carry; none: only this machine may call."""
        return _tokens(self.callback_token.get_secret_value())


class Described(NamedTuple):
    """One row of the settings table."""

    variable: str
    default: str
    meaning: str


def describe() -> list[Described]:
    """Every setting: its variable, its default as one would write it (may be empty), its meaning."""
    return [
        Described(variable(name), _plain(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def variable(field: str) -> str:
    """The environment variable of a field."""
    return "PORT" if field == "port" else f"MLANGO_{field.upper()}"


def unknown(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each MLANGO_ variable that is no setting: most likely a slip of the pen."""
    known = [variable(name) for name in Settings.model_fields]
    strangers = sorted(name for name in environ if name.startswith("MLANGO_") and not name.startswith(_NOT_OURS))
    return [
        f"{name} is not a setting of Mlango" + (f"; did you mean {close[0]}?" if close else ".")
        for name in strangers
        if name not in known
        for close in [difflib.get_close_matches(name, known, n=1)]
    ]


def unwritable(home: Path, error: OSError) -> str:
    """The sentence for a home folder that cannot be written."""
    why = "it is a file" if home.is_file() else (error.strerror or str(error)).lower()
    return f"The folder {home} cannot be written ({why}); choose another one with MLANGO_HOME."


def _of_the_mode(given: Mapping[str, str]) -> list[str]:
    """What production mode, or the chosen network, needs and does not have."""
    faults = []
    chosen = [name.strip() for name in given.get("sms_gateway", "simulator").split(",")]
    if given.get("mode") == "production":
        needed = {
            "master_keys": f"make one with: {keys.HOW_TO_MAKE_MASTER}",
            "index_key": f"make one with: {keys.HOW_TO_MAKE}",
            "callback_token": f"make one with: {keys.HOW_TO_MAKE_TOKEN}",
        }
        faults += [
            f"{variable(name)} is required in production; {how}" for name, how in needed.items() if name not in given
        ]
        if any(not keys.strong(token) for token in given.get("callback_token", "").split(",") if token.strip()):
            faults.append(f"MLANGO_CALLBACK_TOKEN can be guessed; make one with: {keys.HOW_TO_MAKE_TOKEN}")
        if "simulator" in chosen:
            faults.append("MLANGO_SMS_GATEWAY must name a real network in production (africastalking, kannel, gammu).")
    for gateway, wanted in _ACCOUNTS.items():
        if gateway in chosen:
            faults += [
                f"{variable(name)} is required when MLANGO_SMS_GATEWAY is {gateway}."
                for name in wanted
                if name not in given
            ]
    return faults


def _sentence(fault: Any) -> str:
    """One of pydantic's faults, in words for somebody who never heard of pydantic."""
    name = str(fault["loc"][0])
    field = Settings.model_fields[name]
    match name, fault["type"]:
        case "port", _:
            must = "must be a whole number from 1 to 65535"
        case _, "literal_error":
            must = f"must be {fault['ctx']['expected'].replace(chr(39), '')}"
        case _:
            must = str(fault["ctx"]["error"])
    is_secret = "SecretStr" in str(field.annotation)
    return f"{variable(name)} {must}." if is_secret else f"{variable(name)} {must}, not {str(fault['input'])!r}."


def _plain(default: object) -> str:
    match default:
        case None:
            return ""
        case SecretStr():
            return default.get_secret_value()
        case Path():
            return f"./{default.relative_to(ROOT)}"
        case _:
            return str(default)
