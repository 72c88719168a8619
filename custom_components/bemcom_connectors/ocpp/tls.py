"""TLS of the central system: its certificates, and those of charge points."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from enum import StrEnum
import logging
from pathlib import Path
import re
import ssl
import time
from typing import Any, NoReturn, override

from ..connector.model import ConnectorError
from .log import LogOnce

_LOGGER = logging.getLogger(__name__)

# OCPP's own four suites; those with forward secrecy first, for an RSA certificate too.
_SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
    "AES256-GCM-SHA384:AES128-GCM-SHA256"
)
# What OpenSSL calls the key of another certificate.
_OTHER_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
_MAX_FILE = 1 << 20
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")

# Of files: another one where one of them changed.
type Fingerprint = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files; an empty key is in the file of its certificate.

    The second certificate is one with another kind of key, for charge points that take only
    that. With the CA of client certificates every charge point must have one.
    """

    certificate: str
    key: str = ""
    second_certificate: str = ""
    second_key: str = ""
    client_ca: str = ""

    def pairs(self) -> list[tuple[str, str]]:
        """Return the names of the fields that belong together."""
        pairs = [("certificate", "key")]
        if self.second_certificate:
            pairs.append(("second_certificate", "second_key"))
        return pairs


class TlsFileReason(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_CERTIFICATE = "no_certificate"
    NO_KEY = "no_key"
    KEY_MISMATCH = "key_mismatch"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ENCRYPTED_KEY = "encrypted_key"
    CA_INVALID = "ca_invalid"


# How OpenSSL numbers what is wrong with the time of a certificate.
_TIMES = {9: TlsFileReason.NOT_YET_VALID, 10: TlsFileReason.EXPIRED}


class TlsFileError(ConnectorError):
    """The file of `field` cannot be used for `reason`; `detail` is what OpenSSL says."""

    def __init__(self, field: str, reason: TlsFileReason, detail: object = "") -> None:
        """Keep field and reason beside the text."""
        super().__init__(f"{field}: {reason}" + (f": {detail}" if detail else ""))
        self.field = field
        self.reason = reason
        self.detail = str(detail)


def check_files(files: TlsFiles) -> None:
    """Raise TlsFileError for what cannot serve now; blocks."""
    create_context(files)
    for certificate, key in files.pairs():
        _check_time(files, certificate, key)
    if files.client_ca:
        _check_authorities(files)


def create_context(files: TlsFiles) -> ssl.SSLContext:
    """Return TLS with the certificates, whether they are valid today or not; blocks.

    Raises TlsFileError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    for certificate, key in files.pairs():
        _load_pair(context, files, certificate, key)
    if files.client_ca:
        blocks = _blocks(_read(files, "client_ca"))
        try:
            context.load_verify_locations(cadata="\n".join(blocks))
        except (ssl.SSLError, ValueError) as err:
            raise TlsFileError(
                "client_ca", TlsFileReason.CA_INVALID, _words(err)
            ) from err
        # Whatever stands in that file is trusted: an authority below another one, too.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the common names and DNS names of a client's certificate."""
    if not certificate:
        return ()
    subject = certificate.get("subject", ())
    names = [
        value
        for relative_name in subject
        for key, value in relative_name
        if key == "commonName"
    ]
    names += [
        value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"
    ]
    return tuple(dict.fromkeys(names))


class LiveContext(ssl.SSLContext):
    """A server's TLS whose certificates may change while it serves.

    Connections that are open keep what they have. `refused` is told why a client is not
    served.
    """

    def __new__(
        cls, current: ssl.SSLContext, refused: Callable[[str], None]
    ) -> LiveContext:
        """Serve with `current`."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, current: ssl.SSLContext, refused: Callable[[str], None]) -> None:
        """Serve with `current`."""
        self._connection = _reporting(refused)
        self.use(current)

    def use(self, current: ssl.SSLContext) -> None:
        """Serve new clients with `current`."""
        current.sslobject_class = self._connection
        self._current = current

    @override
    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Return the TLS of a new connection."""
        return self._current.wrap_bio(*args, **kwargs)


class CertificateWatch:
    """Reads the files again when they change; a bad new one leaves the old in service."""

    def __init__(
        self,
        files: TlsFiles,
        context: LiveContext,
        known: Fingerprint,
        log: LogOnce,
        interval: float,
    ) -> None:
        """Look at the files every `interval` seconds, while `run` runs.

        `known` is their fingerprint from before they were read.
        """
        self._files = files
        self._context = context
        self._log = log
        self._interval = interval
        self._known = known

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            # Taken before the files are read: what changes meanwhile is seen the next time.
            found = await asyncio.to_thread(fingerprint, self._files)
            if found == self._known:
                continue
            self._known = found
            try:
                self._context.use(await asyncio.to_thread(create_context, self._files))
            except TlsFileError as err:
                self._log(
                    f"certificate {err.field} {err.reason}",
                    "The changed certificate cannot be used, the old one stays: %s",
                    err,
                )
            else:
                _LOGGER.info("Serving with the changed certificate")


def fingerprint(files: TlsFiles) -> Fingerprint:
    """Return what is another when one of the files changes; blocks."""
    found: list[tuple[int, ...]] = []
    for name in filter(None, astuple(files)):
        try:
            status = Path(name).stat()
        except OSError:
            found.append((0,))
        else:
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def _reporting(refused: Callable[[str], None]) -> type[ssl.SSLObject]:
    """Return TLS of connections that tell why there is none; asyncio keeps it to itself."""

    class Reporting(ssl.SSLObject):
        @override
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLWantReadError, ssl.SSLWantWriteError:
                raise
            except ssl.SSLError as err:
                refused(_words(err))
                raise

    return Reporting


def _load_pair(
    context: ssl.SSLContext, files: TlsFiles, certificate: str, key: str
) -> None:
    """Load a certificate with its key, which are the values of two fields."""
    key_field = key if getattr(files, key) else certificate
    if not _blocks(_read(files, certificate)):
        raise TlsFileError(certificate, TlsFileReason.NO_CERTIFICATE)
    key_text = _read(files, key_field)
    if "PRIVATE KEY-----" not in key_text:
        raise TlsFileError(key, TlsFileReason.NO_KEY)

    def no_password() -> NoReturn:
        raise TlsFileError(key, TlsFileReason.ENCRYPTED_KEY)

    try:
        context.load_cert_chain(
            getattr(files, certificate), getattr(files, key_field), no_password
        )
    except ssl.SSLError as err:
        if err.reason in _OTHER_KEY:
            raise TlsFileError(key, TlsFileReason.KEY_MISMATCH) from err
        if _is_certificate(files, certificate):
            raise TlsFileError(key, TlsFileReason.NO_KEY, _words(err)) from err
        raise TlsFileError(
            certificate, TlsFileReason.NO_CERTIFICATE, _words(err)
        ) from err


def _is_certificate(files: TlsFiles, field: str) -> bool:
    """Return whether the first certificate of a file can be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=_blocks(_read(files, field))[0])
    except ssl.SSLError, ValueError:
        return False
    return True


def _check_time(files: TlsFiles, certificate: str, key: str) -> None:
    """Raise TlsFileError for a certificate that is not valid now.

    A client that trusts it and nothing else is asked: OpenSSL says no more of a file.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_pair(server, files, certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=_blocks(_read(files, certificate))[0])
    sent, answered = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(answered, sent),
        server.wrap_bio(sent, answered, server_side=True),
    )
    try:
        for side in sides * 3:
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as err:
        # Any other complaint is for the charge points to make.
        if reason := _TIMES.get(err.verify_code):
            raise TlsFileError(certificate, reason) from err
    except ssl.SSLError as err:
        reason = TlsFileReason.NO_CERTIFICATE
        raise TlsFileError(certificate, reason, _words(err)) from err


def _check_authorities(files: TlsFiles) -> None:
    """Raise TlsFileError when all authorities have expired."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="\n".join(_blocks(_read(files, "client_ca"))))
    ends = [
        ssl.cert_time_to_seconds(str(it["notAfter"])) for it in context.get_ca_certs()
    ]
    if ends and max(ends) < time.time():
        raise TlsFileError("client_ca", TlsFileReason.EXPIRED)


def _read(files: TlsFiles, field: str) -> str:
    """Return what the file of a field holds."""
    try:
        with Path(getattr(files, field)).open("rb") as file:
            return file.read(_MAX_FILE).decode("latin-1")
    except FileNotFoundError as err:
        raise TlsFileError(field, TlsFileReason.MISSING) from err
    except (OSError, ValueError) as err:
        raise TlsFileError(field, TlsFileReason.UNREADABLE, err) from err


def _blocks(text: str) -> list[str]:
    """Return the certificates in a file, without what stands around them."""
    return _CERTIFICATE.findall(text)


def _words(error: Exception) -> str:
    """Return what OpenSSL says of an error, in its own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error)
