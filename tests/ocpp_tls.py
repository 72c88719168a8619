"""The certificates of an OCPP hub in tests, and who trusts them."""

from pathlib import Path
import ssl

import trustme

from tests.ocpp.client import HOST

# Those of OCPP's security extension, as OpenSSL calls them.
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)


def hub_certificates(authority: trustme.CA, folder: Path) -> dict[str, str]:
    """Return the files of a hub: certificates with an RSA and an ECDSA key, and the CA."""
    files: dict[str, str] = {}
    for name, kind in (("", trustme.KeyType.RSA), ("second_", trustme.KeyType.ECDSA)):
        issued = authority.issue_cert(HOST, "hub.example.org", key_type=kind)
        certificate, key = folder / f"{name}cert.pem", folder / f"{name}key.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        files |= {f"{name}certificate": str(certificate), f"{name}key": str(key)}
    client_ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(client_ca))
    return files | {"client_ca": str(client_ca)}


def trusting(authority: trustme.CA, common_name: str = "") -> ssl.SSLContext:
    """Return the TLS of a charge point; with a certificate of its own if it has a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if common_name:
        issued = authority.issue_cert(common_name=common_name)
        issued.configure_cert(context)
    return context
