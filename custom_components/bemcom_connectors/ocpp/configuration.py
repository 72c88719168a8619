"""The configuration keys of a charge point: what is known of them, reading and writing."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
import math
from typing import Any, Self, TypeGuard

from ..connector.model import JsonValue
from .calls import CallFailed, CallReason
from .redaction import is_secret_key, is_tag_key

# Sends a call and returns its answer; raises CallFailed.
type Caller = Callable[[str, dict[str, JsonValue]], Awaitable[dict[str, Any]]]

ACCEPTED = "Accepted"
REBOOT_REQUIRED = "RebootRequired"
TAKEN = frozenset({ACCEPTED, REBOOT_REQUIRED})

# Codes of errors that say that an action as such is not there.
NOT_THERE = frozenset({"NotImplemented", "NotSupported"})

MAX_KEYS_KEY = "GetConfigurationMaxKeys"

MAX_KEYS = 500
MAX_KEY_LENGTH = 64
MAX_VALUE_LENGTH = 500
# Lists of measurands with their phases.
MAX_LIST_LENGTH = 2000
# So many keys are asked for at once where the charge point sets no limit.
_KEYS_AT_ONCE = 50

_MAX_REFUSED = 2

# No time is later, in seconds: what is larger may be no number of a computer's.
_LATEST = 1e12

_REDACTED = "**REDACTED**"


@dataclass(frozen=True, slots=True)
class ConfigurationKey:
    """A key of the charge point; the value is None where it tells none."""

    value: str | None = field(repr=False)
    readonly: bool = False


class Configuration:
    """What is known of a charge point's configuration, and what was made of it.

    Keys are found without regard to case, as OCPP has it, and kept as the charge point
    spells them. Values that are secrets are never kept.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.keys: dict[str, ConfigurationKey] = {}
        self.unknown: set[str] = set()
        # What was written, and taken or not, by the key in lower case.
        self.written: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        # What takes effect after the next restart only.
        self.reboot_required: set[str] = set()
        # The firmware that told all that; None: nothing was read yet.
        self.read_with: str | None = None
        # Which measurands were asked for, and which of them are accepted.
        self.asked: tuple[str, ...] = ()
        self.accepted: tuple[str, ...] = ()
        # How often in a row a step of the start-up lost the connection, and when.
        self.losses: dict[str, tuple[int, float]] = {}
        self._names: dict[str, str] = {}

    # What is known

    def key(self, key: str) -> ConfigurationKey | None:
        """Return a key; None: it was not read, or the charge point has none such."""
        return self.keys.get(self._names.get(key.lower(), ""))

    def is_unknown(self, key: str) -> bool:
        """Tell whether the charge point said that it has no such key."""
        return key.lower() in self.unknown

    def text(self, key: str) -> str | None:
        """Return the value of a key; None: it is not known."""
        return found.value if (found := self.key(key)) else None

    def number(self, key: str) -> int | None:
        """Return the value of a key that is a whole number; None: it is none."""
        value = _as_number(self.text(key) or "")
        return int(value) if value is not None and value.is_integer() else None

    def items(self, key: str) -> tuple[str, ...]:
        """Return the parts of a value that is a list."""
        parts = (it.strip() for it in (self.text(key) or "").split(","))
        return tuple(it for it in parts if it)

    @property
    def profiles(self) -> frozenset[str]:
        """Return the feature profiles, in lower case without spaces; empty: not said."""
        return frozenset(
            it.replace(" ", "").lower() for it in self.items("SupportedFeatureProfiles")
        )

    def has(self, key: str, value: str) -> bool:
        """Tell whether a key has a value, as far as one can know."""
        if (known := self.text(key)) is None:
            return self.written.get(key.lower()) == value
        if known.strip() == value:
            return True
        number = _as_number(value)
        return number is not None and number == _as_number(known)

    # Asking and telling the charge point

    async def read(
        self,
        call: Caller,
        keys: Sequence[str] | None = None,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        """Read all keys, or some by their names; raises CallFailed.

        What was read before a call failed is kept.
        """
        if keys is None:
            self._take(await call("GetConfiguration", {}), whole=True)
            return
        if one_at_a_time:
            at_once = 1
        else:
            at_once = min(self.number(MAX_KEYS_KEY) or _KEYS_AT_ONCE, _KEYS_AT_ONCE)
        refused: list[str] = []
        for batch in batched(keys, max(at_once, 1), strict=False):
            try:
                answer = await call("GetConfiguration", {"key": list(batch)})
            except CallFailed as err:
                # Some have nothing but an error for a key that they do not know; but who
                # has that for all keys knows them perhaps.
                is_hopeless = not self.keys and len(refused) >= _MAX_REFUSED
                if len(batch) > 1 or not is_refusal(err) or is_hopeless:
                    raise
                refused += batch
            else:
                self._take(answer)
        if self.keys:
            self.lacks(refused)

    async def write(
        self, call: Caller, key: str, value: str, *, even_so: bool = False
    ) -> str:
        """Write a key unless it has that value, and return the status; raises CallFailed.

        `even_so`: also if it is known to have it.
        """
        if not even_so and self.has(key, value):
            return ACCEPTED
        name = self._names.get(key.lower(), key)
        try:
            answer = await call("ChangeConfiguration", {"key": name, "value": value})
        except CallFailed as err:
            if err.reason is CallReason.REFUSED:
                self._note(self.refused, key, value)
            raise
        status = str(answer.get("status", ""))
        if status not in TAKEN:
            self._note(self.refused, key, value)
            return status
        self.took(key, value, status)
        return status

    def took(self, key: str, value: str, status: str) -> None:
        """Know that a value was written, and whether it counts at once."""
        name = self._names.get(key.lower(), key)
        self.refused.pop(key.lower(), None)
        self._note(self.written, key, value)
        if (known := self.key(key)) and not is_secret_key(name):
            self.keys[name] = ConfigurationKey(value, known.readonly)
        if status == REBOOT_REQUIRED:
            self.reboot_required.add(name)

    def lacks(self, keys: Iterable[str]) -> None:
        """Take those of the keys for unknown of which the charge point said nothing."""
        for key in keys:
            if self.key(key) is None and len(self.unknown) < MAX_KEYS:
                self.unknown.add(key.lower())

    def forget(self) -> None:
        """Forget what may be another with another firmware."""
        self.unknown.clear()
        self.written.clear()
        self.refused.clear()
        self.losses.clear()
        self.asked = self.accepted = ()
        self.read_with = None

    def _note(self, table: dict[str, str], key: str, value: str) -> None:
        """Keep a value that was written, unless it is a secret."""
        if not is_secret_key(key) and (key.lower() in table or len(table) < MAX_KEYS):
            table[key.lower()] = value

    def _take(self, answer: Mapping[str, Any], *, whole: bool = False) -> None:
        """Take what the charge point says, whatever it is."""
        entries = answer.get("configurationKey")
        if isinstance(entries, Mapping):
            entries = [entries]
        keys = [it for it in _list(entries) if isinstance(it, Mapping)]
        if whole and keys:
            self.keys.clear()
            self._names.clear()
        for entry in keys:
            self._add(entry.get("key"), entry.get("value"), entry.get("readonly"))
        for name in _list(answer.get("unknownKey")):
            if _is_name(name) and len(self.unknown) < MAX_KEYS and not self.key(name):
                self.unknown.add(name.lower())

    def _add(self, name: object, value: object, readonly: object) -> None:
        """Keep a key as the charge point tells it."""
        if not _is_name(name) or (
            len(self.keys) >= MAX_KEYS and name.lower() not in self._names
        ):
            return
        self.keys.pop(self._names.get(name.lower(), ""), None)
        self._names[name.lower()] = name
        self.unknown.discard(name.lower())
        self.keys[name] = ConfigurationKey(
            None if is_secret_key(name) else _as_text(value),
            readonly is True or str(readonly).lower() == "true",
        )

    # Keeping

    def to_dict(self) -> dict[str, Any]:
        """Return what is worth keeping."""
        return {
            "keys": {name: [it.value, it.readonly] for name, it in self.keys.items()},
            "unknown": sorted(self.unknown),
            "written": dict(self.written),
            "refused": dict(self.refused),
            "read_with": self.read_with,
            "asked": list(self.asked),
            "accepted": list(self.accepted),
            "losses": {step: list(it) for step, it in self.losses.items()},
        }

    def diagnostics(self) -> dict[str, Any]:
        """Return what may be shown: without id tags, and without secrets anyway."""
        return {
            **self.to_dict(),
            "keys": {
                name: {
                    "value": _hide(name, it.value),
                    "readonly": it.readonly,
                }
                for name, it in self.keys.items()
            },
            "written": {key: _hide(key, it) for key, it in self.written.items()},
            "refused": {key: _hide(key, it) for key, it in self.refused.items()},
            "reboot_required": sorted(self.reboot_required),
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Return what was kept, without whatever makes no sense."""
        result = cls()
        stored = _mapping(data)
        for name, entry in _mapping(stored.get("keys")).items():
            if isinstance(entry, list) and len(entry) == 2:
                result._add(name, *entry)
        result.unknown = {
            it for it in _list(stored.get("unknown"))[:MAX_KEYS] if _is_name(it)
        }
        for table, name in ((result.written, "written"), (result.refused, "refused")):
            for key, value in _mapping(stored.get(name)).items():
                if isinstance(value, str) and _is_name(key):
                    result._note(table, key, value)
        result.asked, result.accepted = (
            tuple(it for it in _list(stored.get(name)) if isinstance(it, str))
            for name in ("asked", "accepted")
        )
        for step, loss in _mapping(stored.get("losses")).items():
            match loss:
                case [int() as count, int() | float() as at] if at < _LATEST:
                    result.losses[str(step)] = (count, float(at))
        read_with = stored.get("read_with")
        result.read_with = read_with if isinstance(read_with, str) else None
        return result


def is_refusal(err: CallFailed) -> bool:
    """Tell whether a call was refused for what was in it, and not as such."""
    return err.reason is CallReason.REFUSED and err.code not in NOT_THERE


def _is_name(name: object) -> TypeGuard[str]:
    """Tell whether something can be the name of a key."""
    return isinstance(name, str) and 0 < len(name) <= MAX_KEY_LENGTH


def _list(value: object) -> list[Any]:
    """Return a list as it is, and an empty one instead of anything else."""
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one instead of anything else."""
    return value if isinstance(value, Mapping) else {}


def _as_text(value: object) -> str | None:
    """Return a value as the text that it should be; None: there is none."""
    match value:
        case bool():
            text = str(value).lower()
        case str() | int() | float():
            text = str(value)
        case _:
            return None
    return text[: MAX_LIST_LENGTH if "," in text else MAX_VALUE_LENGTH]


def _as_number(text: str) -> float | None:
    """Return the number that a text is; None: it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _hide(key: str, value: str | None) -> str | None:
    """Return a value that may be shown."""
    return _REDACTED if value and is_tag_key(key) else value
