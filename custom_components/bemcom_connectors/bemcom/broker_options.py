"""Where a broker of the user's own is, and how it knows us."""

from dataclasses import dataclass, field
import ssl

from ..connector.model import OptionsError

DEFAULT_PORT = 1883


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerTls:
    """Files in PEM; without a CA those of the system are trusted."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    # Without it any certificate is taken, from anybody.
    verify: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerOptions:
    """A connection to a broker; without `tls` it is not encrypted."""

    host: str
    port: int = DEFAULT_PORT
    user: str = ""
    password: str = field(default="", repr=False)
    tls: BrokerTls | None = None

    @property
    def where(self) -> str:
        """Return how texts call the broker."""
        return f"{self.host}:{self.port}"


def create_tls(options: BrokerTls) -> ssl.SSLContext:
    """Return TLS for a connection, or raise OptionsError for a file; blocks."""
    try:
        context = ssl.create_default_context(cafile=options.ca or None)
    except (OSError, ValueError) as err:
        raise OptionsError("ca", _words(err)) from err
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if not options.certificate:
        if options.key:
            raise OptionsError("certificate", "A key needs its certificate")
        return context
    try:
        # Nobody could answer OpenSSL's question for a password.
        context.load_cert_chain(options.certificate, options.key or None, password="")
    except ssl.SSLError as err:
        # OpenSSL does not say which of the two it is about, but for a key that is another's.
        wrong_key = "KEY_VALUES_MISMATCH" in (err.reason or "")
        option = "key" if wrong_key and options.key else "certificate"
        raise OptionsError(option, _words(err)) from err
    except (OSError, ValueError) as err:
        named = getattr(err, "filename", None)
        option = "key" if options.key and named == options.key else "certificate"
        raise OptionsError(option, _words(err)) from err
    return context


def _words(error: Exception) -> str:
    """Return what the system says, without its numbers."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").capitalize()
    return getattr(error, "strerror", None) or str(error)
