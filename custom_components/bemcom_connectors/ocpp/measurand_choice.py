"""Choosing the measurands that a charge point sends, and finding out what it accepts."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
import re

from .configuration import MAX_VALUE_LENGTH, Configuration
from .quirks import Adjustments

MEASURANDS_KEY = "MeterValuesSampledData"
_MAX_LENGTH_KEY = "MeterValuesSampledDataMaxLength"

# What is useful in a home, the most important first.
AUTOMATIC = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
    "Current.Offered",
    "Power.Offered",
    "Temperature",
)

# So many attempts to find what is accepted, and so many in vain until none is.
MAX_ATTEMPTS = 24
_VAIN = 3

_PHASE = re.compile(r"\.(L[123](-N|-L[123])?|N)$", re.IGNORECASE)
# Some vendors say what can be asked for.
_SUPPORTED = re.compile(r"supported_?measurands$", re.IGNORECASE)

# Writes a list of measurands, and tells whether it was taken.
type Attempt = Callable[[Sequence[str]], Awaitable[bool]]


def wanted_measurands(
    chosen: Sequence[str], configuration: Configuration, adjustments: Adjustments
) -> tuple[str, ...]:
    """Return what to ask for, the most important first; `chosen` by the user, or nothing.

    What the charge point sends already is kept, unless the user chose.
    """
    allowed = adjustments.measurands
    if chosen:
        if allowed is None:
            allowed = _supported(configuration)
            wanted = _expand(chosen, allowed) or list(chosen)
        else:
            wanted = _expand(chosen, allowed)
    elif allowed is None:
        current = current_measurands(configuration)
        useful = [it for name in AUTOMATIC for it in _expand([name], current) or [name]]
        wanted = [*useful, *current]
        wanted = _expand(wanted, _supported(configuration)) or wanted
    else:
        wanted = list(allowed)
    return _cut(wanted, configuration, adjustments)


def current_measurands(configuration: Configuration) -> tuple[str, ...]:
    """Return what the charge point is set to, as far as one can know."""
    if configuration.text(MEASURANDS_KEY) is not None:
        return configuration.items(MEASURANDS_KEY)
    written = configuration.written.get(MEASURANDS_KEY.lower(), "")
    return tuple(it for it in written.split(",") if it)


def covers(current: Iterable[str], wanted: Iterable[str], *, exact: bool) -> bool:
    """Tell whether what is set is what is wanted; not `exact`: it may be more."""
    have = {it.lower() for it in current}
    need = {it.lower() for it in wanted}
    if exact:
        return have == need
    return need <= have | {_base(it) for it in have}


async def find_accepted(
    attempt: Attempt, wanted: Sequence[str], sure: Iterable[str]
) -> tuple[str, ...]:
    """Return which of the measurands a charge point takes that refused all of them at once.

    The others are added by halves to those of which one is `sure`, the important ones
    first. What is returned is what was taken last, and so what is set; empty: nothing was.
    """
    certain = {it.lower() for it in sure}
    accepted = [it for it in wanted if it.lower() in certain]
    groups = _halves([it for it in wanted if it.lower() not in certain])
    taken: list[str] = []
    attempts = vain = 0
    while groups and attempts < MAX_ATTEMPTS and (taken or vain < _VAIN):
        group = groups.pop()
        attempts += 1
        longer = sorted([*accepted, *group], key=wanted.index)
        if await attempt(longer):
            accepted = taken = longer
        elif len(group) > 1:
            groups += _halves(group)
        else:
            vain += 1
    return tuple(taken)


def _halves(group: list[str]) -> list[list[str]]:
    """Return a group in two parts, the more important one last."""
    middle = (len(group) + 1) // 2
    return [it for it in (group[middle:], group[:middle]) if it]


def _base(measurand: str) -> str:
    """Return a measurand without its phase, in lower case."""
    return _PHASE.sub("", measurand).lower()


def _supported(configuration: Configuration) -> tuple[str, ...]:
    """Return what the charge point says can be asked for; empty: it does not say."""
    for name in configuration.keys:
        if _SUPPORTED.search(name):
            return configuration.items(name)
    return ()


def _expand(wanted: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Return what is allowed of what is wanted, by phase where that is what is allowed."""
    return [
        it
        for name in dict.fromkeys(wanted)
        for it in allowed
        if name.lower() in (it.lower(), _base(it))
    ]


def _cut(
    wanted: Iterable[str], configuration: Configuration, adjustments: Adjustments
) -> tuple[str, ...]:
    """Return as much of what is wanted as fits, each once."""
    limits = [
        it
        for it in (configuration.number(_MAX_LENGTH_KEY), adjustments.max_measurands)
        if it and it > 0
    ]
    result: list[str] = []
    seen: set[str] = set()
    for measurand in wanted:
        if limits and len(result) >= min(limits):
            break
        is_new = measurand.lower() not in seen
        if is_new and len(",".join([*result, measurand])) <= MAX_VALUE_LENGTH:
            result.append(measurand)
            seen.add(measurand.lower())
    return tuple(result)
