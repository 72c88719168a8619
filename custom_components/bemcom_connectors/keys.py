"""The words of a key: what they are, what they mean, and how they read as a name."""

from collections.abc import Iterator
import re
from typing import NamedTuple

from . import vocabulary as vocab
from .values import printable
from .vocabulary import Meaning, Spelling

MAX_NAME = 100
# Of an endless key the last words are read: looking for units grows with their square.
_MAX_WORDS = 24
_PART_NUMBER = re.compile(r"[a-z]{1,3}[0-9][a-z0-9]*")  # L1, DHT22, DS18B20


_FIXES = (
    (re.compile(r"pm_?2[._]5", re.IGNORECASE), "pm25"),
    (re.compile(r"pm_?1[._]0(?!\d)", re.IGNORECASE), "pm1"),
    (re.compile(r"Wi-?Fi|WIFI"), "Wifi"),
    (re.compile("\N{DEGREE CELSIUS}"), "°C"),
    (re.compile("\N{DEGREE FAHRENHEIT}"), "°F"),
)
_PARTS = re.compile(r"__|[./:]")
_CHUNKS = re.compile(r"(?:[^\W_]|°)+|[%€]")
# "meterPower", "ACPower", "l1Voltage", "temp1", "Temp°C"; but "co2" and "L1" stay.
_CAMEL = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z][a-z])"
    r"|(?<=[A-Za-z]{4})(?=[0-9])|(?<=[^\W_])(?=°)"
)
_NUMBERED = re.compile(r"([A-Za-z]{2,3})([0-9]+)")


class Key(NamedTuple):
    """A key's words as written and in lower case, and the part each of them is from."""

    key: str
    text: list[str]
    low: list[str]
    part: list[int]

    def has(self, words: frozenset[str]) -> bool:
        """Tell whether one of the words is in the key."""
        return not words.isdisjoint(self.low)

    def tail(self, skipped: frozenset[str]) -> list[str]:
        """Return the words without the numbers and skippable words at their end."""
        end = len(self.low)
        while end and (self.low[end - 1].isdigit() or self.low[end - 1] in skipped):
            end -= 1
        return self.low[:end]

    def without(self, start: int, end: int) -> Key:
        """Leave out some words, such as a unit."""
        return Key(
            self.key,
            self.text[:start] + self.text[end:],
            self.low[:start] + self.low[end:],
            self.part[:start] + self.part[end:],
        )


def read(key: str) -> Key:
    """Read the words of a key."""
    fixed = key
    for pattern, replacement in _FIXES:
        fixed = pattern.sub(replacement, fixed)
    found = [
        (text, part)
        for part, piece in enumerate(_PARTS.split(fixed))
        for chunk in _CHUNKS.findall(piece)
        for text in _split(chunk)
    ][-_MAX_WORDS:]
    texts = [text for text, _ in found]
    return Key(key, texts, [text.lower() for text in texts], [at for _, at in found])


def _split(chunk: str) -> list[str]:
    """Split camel case and numbers off, but not what is a unit or a word we know."""
    if _known(chunk):
        return [chunk]
    result: list[str] = []
    for piece in _CAMEL.split(chunk):
        numbered = _NUMBERED.fullmatch(piece)  # "hum1", but not "co2"
        if result and len(result[-1]) <= 4 and _known(result[-1] + piece):
            result[-1] += piece
        elif numbered and _known(numbered[1]) and not _known(piece):
            result.extend(numbered.groups())
        else:
            result.append(piece)
    return result


def _known(text: str) -> bool:
    """Tell whether a text is a word of the vocabulary or a unit."""
    return (text.lower(),) in vocab.MEANINGS or bool(spelled(text))


def spelled(text: str, *, shouting: bool = False) -> list[Spelling]:
    """Return the units a text can stand for; in an all-capitals key case tells nothing."""
    text = vocab.spelling(text)
    exact = [] if shouting else vocab.UNITS_EXACT.get(text, [])
    return exact or vocab.UNITS_CASELESS.get(text.lower(), [])


def units_in(key: Key) -> Iterator[tuple[int, int, list[Spelling]]]:
    """Find the units at the end of a key, qualifiers apart; the longest come first.

    None at all, if it is one of a compound nobody knows ("ct_per_kWh").
    """
    for end in range(len(key.low), 0, -1):
        for start in range(max(0, end - 4), end):
            text = "_".join(
                word for word in key.text[start:end] if word.lower() != "per"
            )
            if key.low[start] == "per" or not (
                found := spelled(text, shouting=key.key.isupper())
            ):
                continue
            halved = start > 0 and key.low[start - 1] in vocab.NUMERATORS
            yield start, end, [] if halved else found
            break
        if not (key.low[end - 1].isdigit() or key.low[end - 1] in vocab.QUALIFIERS):
            return


def meanings_in(key: Key) -> list[tuple[int, Meaning]]:
    """Find the words that mean something, from the right; the longest phrase counts."""
    found: list[tuple[int, Meaning]] = []
    end = len(key.low)
    while end:
        for start in range(max(0, end - 3), end):
            meaning = vocab.MEANINGS.get(tuple(key.low[start:end]))
            if meaning and _stands(meaning, key.low[end:]):
                found.append((start, meaning))
                end = start + 1
                break
        end -= 1
    return found


def _stands(meaning: Meaning, tail: list[str]) -> bool:
    """Tell whether a word has its meaning with these words behind it."""
    if meaning is vocab.CURRENT:
        return tail[-1:] != ["phase"] and all(
            word in vocab.CURRENT_TAIL or word.isdigit() for word in tail
        )
    if meaning.weak and meaning.unit:  # not the percent of "battery_charging"
        plain = vocab.QUALIFIERS | vocab.DEVICES
        return all(word in plain or word.isdigit() for word in tail)
    return meaning is not vocab.PH or not tail


def decide(key: Key, found: list[tuple[int, Meaning]]) -> Meaning:
    """Choose among meanings: the rightmost, unless it is but a hint.

    "temperature_battery" is the battery's temperature, "temperature_sensor_battery" the
    sensor's battery; "temperature__battery" may be either, so it is nothing.
    """
    if not found:
        return vocab.UNKNOWN
    at, first = found[0]
    if first is vocab.IDENTIFIER and key.low[-1].isdigit() and len(found) > 1:
        return found[1][1]  # "power_port_1"
    for start, other in found[1:] if first.weak else []:
        if other.weak or not other.classes or other is vocab.TIME:
            continue
        if first.unit is None:
            return other
        if key.part[start] != key.part[at]:
            return vocab.UNKNOWN
        return other if vocab.DEVICES.isdisjoint(key.low[start:at]) else first
    return first


def name_of(key: Key) -> str:
    """Write the words as a name: "phases__l1__voltage_V" is "Phases L1 voltage"."""
    texts = key.text[:-1] if key.low[-1:] in (["value"], ["val"]) else key.text
    words = [_cased(text, shouting=key.key.isupper()) for text in texts or key.text]
    words = [
        word
        for at, word in enumerate(words)
        if at == 0 or len(word) == 1 or word != words[at - 1]
    ]
    if words and words[0].islower() and words[0] not in vocab.ABBREVIATIONS.values():
        words[0] = words[0].capitalize()
    name = printable(" ".join(words))[:MAX_NAME].strip()
    return name or printable(key.key)[:MAX_NAME].strip() or "Value"


def _cased(word: str, *, shouting: bool) -> str:
    """Write a word in lower case, unless it is an abbreviation."""
    low = word.lower()
    if known := vocab.ABBREVIATIONS.get(low):
        return known
    if len(low) == 1 or _PART_NUMBER.fullmatch(low):
        return word.upper()
    if word.isupper() and len(word) <= 3 and not shouting:
        return word
    return low
