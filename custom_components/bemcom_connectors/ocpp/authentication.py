"""Who a charge point is: HTTP Basic, and how often somebody may be wrong."""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
import hmac
from ipaddress import IPv6Address, ip_address, ip_network
import time

# More than that is not kept in mind; the oldest goes first.
MAX_KEPT = 2000
WINDOW = 60.0

# Lengths of an AuthorizationKey in hexadecimal digits.
_KEY_DIGITS = range(32, 41, 2)


def parse_basic(header: str, charge_point_id: str) -> tuple[bytes, ...]:
    """Return the password of an Authorization header, as bytes; () where there is none.

    The user is the charge point, which may have colons in its id, as may the password.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return ()
    try:
        # Python forgives too much padding, and some charge points send none.
        credentials = base64.b64decode(encoded.strip() + "==")
    except binascii.Error, ValueError:
        return ()
    user = charge_point_id.encode() + b":"
    return (credentials[len(user) :],) if credentials.startswith(user) else ()


def matches(expected: str, candidates: Iterable[bytes]) -> bool:
    """Return whether one of the passwords that were sent is the expected one.

    A key of hexadecimal digits may be sent as its bytes, and as text in either case; other
    text in UTF-8 or Latin-1. Takes as long whether it is the right one or not.
    """
    if not expected:
        return False
    right = _forms(expected.encode())
    with suppress(UnicodeEncodeError):  # it cannot be sent like that then
        right.append(expected.encode("latin-1"))
    found = False
    for candidate in candidates:
        for form in _forms(candidate):
            for one in right:
                found |= hmac.compare_digest(one, form)
    return found


def _forms(password: bytes) -> list[bytes]:
    """Return a password, and the bytes of the key that it spells."""
    forms = [password]
    if len(password) in _KEY_DIGITS:
        with suppress(binascii.Error):  # a password of that length, no key
            forms.append(binascii.unhexlify(password))
    return forms


class Attempts:
    """Bounds failed attempts per minute: of a charge point id, and of ids, at an address.

    Behind a proxy all have the same address: a charge point that fails again and again
    shuts nobody out but itself, and who was let in there once is not shut out by others.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow an address `limit` failures with an id, and with so many ids."""
        self.limit = limit
        self._clock = clock
        # When a minute began, and the failures in it.
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._passed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def barred(self, address: str, charge_point_id: str) -> bool:
        """Return whether it failed too often to be heard now."""
        network = _network(address)
        own = network, charge_point_id
        if self._count(own) >= self.limit:
            return True
        return own not in self._passed and self._count((network, "")) >= self.limit

    def failed(self, address: str, charge_point_id: str) -> None:
        """Count a failure."""
        network = _network(address)
        if self._add((network, charge_point_id)) == 1:
            self._add((network, ""))

    def passed(self, address: str, charge_point_id: str) -> None:
        """Keep in mind that a charge point was let in at an address."""
        key = _network(address), charge_point_id
        self._passed[key] = None
        self._passed.move_to_end(key)
        if len(self._passed) > MAX_KEPT:
            self._passed.popitem(last=False)

    def _add(self, key: tuple[str, str]) -> int:
        count = self._count(key) + 1
        began = self._clock() if count == 1 else self._failures[key][0]
        self._failures[key] = began, count
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEPT:
            self._failures.popitem(last=False)
        return count

    def _count(self, key: tuple[str, str]) -> int:
        began, count = self._failures.get(key, (0.0, 0))
        return count if self._clock() - began < WINDOW else 0


def _network(address: str) -> str:
    """Return whose address it is: one with IPv6 has very many."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))
