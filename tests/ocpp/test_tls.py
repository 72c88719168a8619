"""TLS of the central system, with real certificates over real sockets."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import ssl
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
import pytest
import trustme

from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.ocpp import server as server_module
from custom_components.bemcom_connectors.ocpp.server import Verdict
from custom_components.bemcom_connectors.ocpp.tls import (
    TlsFileError,
    TlsFiles,
    check_files,
    create_context,
    names_of,
)
from tests.ocpp.client import HOST, dial
from tests.ocpp.directory import Directory, serving

RSA = trustme.KeyType.RSA
ECDSA = trustme.KeyType.ECDSA


class Certificates:
    """Writes certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()

    def write(self, name: str, **how: Any) -> tuple[str, str]:
        """Return the paths of a new certificate and its key."""
        issued = self.ca.issue_cert(HOST, **how)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(it.bytes() for it in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return str(certificate), str(key)

    def text(self, name: str, text: str) -> str:
        """Return the path of a file that holds a text."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def authority(self, name: str = "ca") -> str:
        """Return the path of the authority's certificate."""
        path = self.folder / f"{name}.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def client(self, suite: str = "", **certificate: Any) -> ssl.SSLContext:
        """Return the TLS of a charge point, which speaks this suite only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if suite:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suite)
        if certificate:
            ca = certificate.pop("ca", self.ca)
            ca.issue_cert(**certificate).configure_cert(context)
        return context


@pytest.fixture
def directory(loopback: str) -> Directory:
    return Directory()


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def files(certificates: Certificates) -> TlsFiles:
    certificate, key = certificates.write("server", key_type=ECDSA)
    return TlsFiles(certificate=certificate, key=key)


@pytest.fixture
def both(certificates: Certificates) -> TlsFiles:
    """Return files with both kinds of keys, as OCPP has it."""
    certificate, key = certificates.write("rsa", key_type=RSA)
    second_certificate, second_key = certificates.write("ecdsa", key_type=ECDSA)
    return TlsFiles(
        certificate=certificate,
        key=key,
        second_certificate=second_certificate,
        second_key=second_key,
    )


# TC_086


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ],
)
async def test_suites(
    directory: Directory, certificates: Certificates, both: TlsFiles, suite: str
) -> None:
    check_files(both)
    async with (
        serving(directory, tls=both) as server,
        dial(server.port, ssl=certificates.client(suite)) as cp,
    ):
        assert cp.socket.get_extra_info("cipher")[0] == suite
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert directory.arrivals[0].tls
        assert directory.arrivals[0].certificate_names == ()


async def test_tls_1_3(
    directory: Directory, certificates: Certificates, files: TlsFiles
) -> None:
    async with (
        serving(directory, tls=files) as server,
        dial(server.port, ssl=certificates.client()) as cp,
    ):
        assert cp.socket.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert await cp.call("Heartbeat", {}) == (3, {})


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_older_tls_is_refused(
    directory: Directory, certificates: Certificates, both: TlsFiles
) -> None:
    context = certificates.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(directory, tls=both) as server:
        with pytest.raises(aiohttp.ClientConnectorError):
            async with dial(server.port, ssl=context):
                pass
        await directory.until(lambda: directory.logged)
    assert directory.logged[0][0] == "tls unsupported protocol"


async def test_one_that_does_not_speak_tls(
    directory: Directory, files: TlsFiles
) -> None:
    async with serving(directory, tls=files) as server:
        with pytest.raises(aiohttp.ClientError):
            async with dial(server.port):
                pass
        await directory.until(lambda: directory.logged)
    assert directory.logged[0][0] == "tls http request"


async def test_passwords_over_tls(
    directory: Directory, certificates: Certificates, files: TlsFiles
) -> None:
    directory.verdict = lambda it: (
        Verdict.ACCEPTED if it.passwords == (b"sesame",) else Verdict.UNAUTHORIZED
    )
    async with serving(directory, tls=files) as server:
        context = certificates.client()
        async with dial(server.port, password="sesame", ssl=context) as cp:
            assert await cp.call("Heartbeat", {}) == (3, {})
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with dial(server.port, password="mellon", ssl=context):
                pass
        assert caught.value.status == 401


# TC_087


@pytest.fixture
def mutual(certificates: Certificates, files: TlsFiles) -> TlsFiles:
    return TlsFiles(
        certificate=files.certificate,
        key=files.key,
        client_ca=certificates.authority(),
    )


async def test_client_certificates(
    directory: Directory, certificates: Certificates, mutual: TlsFiles
) -> None:
    check_files(mutual)
    context = certificates.client(common_name="SN0815", organization_name="CPO")
    async with (
        serving(directory, tls=mutual) as server,
        dial(server.port, ssl=context) as cp,
    ):
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert directory.arrivals[0].certificate_names[0] == "SN0815"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_client_certificate(
    directory: Directory,
    certificates: Certificates,
    mutual: TlsFiles,
    version: ssl.TLSVersion,
) -> None:
    context = certificates.client()
    context.maximum_version = version
    async with serving(directory, tls=mutual) as server:
        with pytest.raises((aiohttp.ClientError, OSError)):
            async with dial(server.port, ssl=context):
                pass
        await directory.until(lambda: directory.logged)
    assert "peer did not return a certificate" in directory.logged[0][0]
    assert not directory.arrivals


async def test_client_certificates_of_others(
    directory: Directory, certificates: Certificates, mutual: TlsFiles
) -> None:
    context = certificates.client(ca=trustme.CA(), common_name="SN0815")
    async with serving(directory, tls=mutual) as server:
        with pytest.raises((aiohttp.ClientError, OSError)):
            async with dial(server.port, ssl=context):
                pass
        await directory.until(lambda: directory.logged)
    assert directory.logged[0][0].startswith("tls ")
    assert not directory.arrivals


def test_names_of_a_certificate() -> None:
    certificate = {
        "subject": ((("organizationName", "CPO"),), (("commonName", "SN1"),)),
        "subjectAltName": (("DNS", "cp1"), ("IP Address", "1.2.3.4"), ("DNS", "SN1")),
    }
    assert names_of(certificate) == ("SN1", "cp1")
    assert names_of(None) == names_of({}) == ()


# The files


def change(files: TlsFiles, **fields: str) -> TlsFiles:
    return TlsFiles(
        **{name: fields.get(name, getattr(files, name)) for name in TlsFiles.__slots__}
    )


def encrypted(key: str, format: serialization.PrivateFormat) -> str:
    """Return a key that has a password."""
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    return loaded.private_bytes(
        serialization.Encoding.PEM,
        format,
        serialization.BestAvailableEncryption(b"sesame"),
    ).decode()


YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
EXPIRED: dict[str, Any] = {
    "not_before": YESTERDAY - timedelta(days=9),
    "not_after": YESTERDAY,
}

CASES: dict[str, tuple[str, str, Callable[[Certificates, TlsFiles], TlsFiles]]] = {
    "no file": ("certificate", "missing", lambda c, f: change(f, certificate="/x.pem")),
    "no key file": ("key", "missing", lambda c, f: change(f, key="/x.pem")),
    "a folder": (
        "certificate",
        "unreadable",
        lambda c, f: change(f, certificate=str(c.folder)),
    ),
    "no path": ("key", "unreadable", lambda c, f: change(f, key="\0")),
    "text": (
        "certificate",
        "no_certificate",
        lambda c, f: change(f, certificate=c.text("t", "x")),
    ),
    "broken certificate": (
        "certificate",
        "no_certificate",
        lambda c, f: change(
            f,
            certificate=c.text(
                "t", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            ),
        ),
    ),
    "certificate as key": ("key", "no_key", lambda c, f: change(f, key=f.certificate)),
    "no key in the certificate": ("key", "no_key", lambda c, f: change(f, key="")),
    "broken key": (
        "key",
        "no_key",
        lambda c, f: change(
            f,
            key=c.text(
                "t", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
            ),
        ),
    ),
    "another key": (
        "key",
        "key_mismatch",
        lambda c, f: change(f, key=c.write("other", key_type=ECDSA)[1]),
    ),
    "a key of another kind": (
        "key",
        "key_mismatch",
        lambda c, f: change(f, key=c.write("other", key_type=RSA)[1]),
    ),
    "encrypted": (
        "key",
        "encrypted_key",
        lambda c, f: change(
            f,
            key=c.text(
                "t", encrypted(f.key, serialization.PrivateFormat.TraditionalOpenSSL)
            ),
        ),
    ),
    "encrypted in another way": (
        "key",
        "encrypted_key",
        lambda c, f: change(
            f, key=c.text("t", encrypted(f.key, serialization.PrivateFormat.PKCS8))
        ),
    ),
    "second without key": (
        "second_key",
        "no_key",
        lambda c, f: change(f, second_certificate=c.write("s")[0]),
    ),
    "no authority": (
        "client_ca",
        "ca_invalid",
        lambda c, f: change(f, client_ca=c.text("t", "")),
    ),
    "broken authority": (
        "client_ca",
        "ca_invalid",
        lambda c, f: change(
            f,
            client_ca=c.text(
                "t", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            ),
        ),
    ),
    "missing authority": (
        "client_ca",
        "missing",
        lambda c, f: change(f, client_ca="/x.pem"),
    ),
}
TIMES: dict[str, tuple[str, str, Callable[[Certificates, TlsFiles], TlsFiles]]] = {
    "expired": ("certificate", "expired", lambda c, f: of(c.write("e", **EXPIRED))),
    "not yet valid": (
        "certificate",
        "not_yet_valid",
        lambda c, f: of(c.write("e", not_before=TOMORROW)),
    ),
    "second expired": (
        "second_certificate",
        "expired",
        lambda c, f: second(f, c.write("e", key_type=RSA, **EXPIRED)),
    ),
}


def of(pair: tuple[str, str]) -> TlsFiles:
    return TlsFiles(certificate=pair[0], key=pair[1])


def second(files: TlsFiles, pair: tuple[str, str]) -> TlsFiles:
    return change(files, second_certificate=pair[0], second_key=pair[1])


@pytest.mark.parametrize("name", [*CASES, *TIMES])
def test_files_that_do_not_work(
    certificates: Certificates, files: TlsFiles, name: str
) -> None:
    field, reason, make = (CASES | TIMES)[name]
    wrong = make(certificates, files)
    with pytest.raises(TlsFileError) as caught:
        check_files(wrong)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert field in str(caught.value)


@pytest.mark.parametrize("name", TIMES)
def test_a_certificate_that_is_out_of_time_serves_all_the_same(
    certificates: Certificates, files: TlsFiles, name: str
) -> None:
    """Most charge points do not look, and the others say so."""
    context = create_context(TIMES[name][2](certificates, files))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_key_and_certificate_in_one_file(
    certificates: Certificates, files: TlsFiles
) -> None:
    text = "Grüße\n" + Path(files.key).read_text() + Path(files.certificate).read_text()
    check_files(TlsFiles(certificate=certificates.text("both.pem", text)))


def test_an_expired_authority(
    certificates: Certificates,
    mutual: TlsFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: 32_600_000_000)
    with pytest.raises(TlsFileError) as caught:
        check_files(mutual)
    assert (caught.value.field, caught.value.reason) == ("client_ca", "expired")


async def test_a_client_certificate_may_be_trusted_by_itself(
    directory: Directory, certificates: Certificates, files: TlsFiles
) -> None:
    own = trustme.CA().issue_cert(common_name="SN0815")
    context = certificates.client()
    own.configure_cert(context)
    pinned = certificates.text("pin", own.cert_chain_pems[0].bytes().decode())
    trusting = change(files, client_ca=pinned)
    check_files(trusting)
    async with (
        serving(directory, tls=trusting) as server,
        dial(server.port, ssl=context) as cp,
    ):
        assert await cp.call("Heartbeat", {}) == (3, {})


async def test_a_server_does_not_start_without_its_certificate(
    directory: Directory, files: TlsFiles
) -> None:
    remove(files.key)
    with pytest.raises(LinkError) as caught:
        async with serving(directory, tls=files):
            pass
    assert caught.value.reason is LinkReason.CERTIFICATE
    assert "key: missing" in str(caught.value)


# Certificates that change


def copy(source: str, target: str) -> None:
    Path(target).write_bytes(Path(source).read_bytes())


def remove(path: str) -> None:
    Path(path).unlink()


def der(certificate: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())


def certificate_of(cp: Any) -> bytes:
    found: bytes = cp.socket.get_extra_info("ssl_object").getpeercert(True)
    return found


async def test_a_certificate_that_changes_while_it_is_read_is_served(
    directory: Directory,
    certificates: Certificates,
    files: TlsFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "CERTIFICATE_INTERVAL", 0.02)
    new = certificates.write("new", key_type=RSA)

    def renewed_meanwhile(current: TlsFiles) -> ssl.SSLContext:
        context = create_context(current)
        for source, target in zip(new, (files.certificate, files.key), strict=True):
            copy(source, target)
        return context

    monkeypatch.setattr(server_module, "create_context", renewed_meanwhile)
    context = certificates.client()
    expected = der(new[0])
    async with serving(directory, tls=files) as server, asyncio.timeout(10):
        while True:
            async with dial(server.port, "CP2", ssl=context) as cp:
                if certificate_of(cp) == expected:
                    break
            await asyncio.sleep(0.02)


async def test_a_changed_certificate_is_served(
    directory: Directory,
    certificates: Certificates,
    files: TlsFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "CERTIFICATE_INTERVAL", 0.02)
    context = certificates.client()

    async def served(port: int) -> bytes:
        async with dial(port, "CP2", ssl=context) as cp:
            return certificate_of(cp)

    async with (
        serving(directory, tls=files) as server,
        dial(server.port, ssl=context) as live,
    ):
        before = certificate_of(live)
        assert await served(server.port) == before
        # One file after the other, as it happens: the first alone cannot be used.
        certificate, key = certificates.write("new", key_type=RSA)
        copy(certificate, files.certificate)
        await directory.until(lambda: directory.logged)
        topic, text = directory.logged[0]
        assert topic == "certificate key key_mismatch"
        assert "the old one stays: key: key_mismatch" in text
        assert await served(server.port) == before
        remove(files.key)
        await directory.until(lambda: len(directory.logged) == 2)
        assert await served(server.port) == before
        copy(key, files.key)
        async with asyncio.timeout(10):
            while await served(server.port) == before:
                await asyncio.sleep(0.02)
        assert await live.call("Heartbeat", {}) == (3, {})
        assert certificate_of(live) == before
