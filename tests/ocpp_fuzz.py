"""Mutated frames of a charge point, and an independent word on what each must be answered."""

from collections.abc import Iterator, Sequence
import copy
from dataclasses import dataclass
import json
import random
from typing import Any

from tests.ocpp.official import ERROR_CODES, is_request, validator
from tests.ocpp_hub import ago

CALL, RESULT, ERROR = 2, 3, 4

RECEIVED = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}
ALWAYS_CONFIRMED = {"MeterValues", "StopTransaction"}

TEXTS = (
    "", " ", "0", "-1", "1e999", "NaN", "n/a", "1,5", "x" * 60, "\u0000", "\ud83d\ude00",
    "ß" * 300, "Available", "charging", "L1", "kWh", "null", "' OR 1=1", "{{ now() }}",
    "9999-12-31T23:59:59-14:00", "0000-00-00", "1970-01-01T00:00:00Z", "__proto__",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *TEXTS, None, True, False, 0, 1, -1, 2**31, -(2**31), 2**63 - 1, 2**63, 10**40, 0.5,
    1e308, -1e-300, [], {}, [[]], [None], {"a": {"b": [1]}}, [1] * 50,
)  # fmt: skip
# What is put into the text of a frame.
BYTES = (
    b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\n",
    b"\xff", b"\xc3", b"\xf0\x9f", b"NaN", b"1e999", b"-", b"9" * 30, b"null", b"true", b"//",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come back for one frame."""

    # The id of the answer; None: no answer, or one of a reader that is more lenient.
    id: Any = None
    # 3, 4, or None for either.
    kind: int | None = None
    action: str = ""
    # Whether an answer may come although none must.
    optional: bool = False


class Fuzzer:
    """Makes frames: the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        """Begin with a charge point that knows of no transaction."""
        self.random = random.Random(seed)
        self.transactions = [0, -1, 4711]
        self._number = 0

    def frames(self, count: int) -> Iterator[bytes]:
        """Yield frames that are right, wrong, and hardly frames at all."""
        for _ in range(count):
            yield self._frame()

    def _frame(self) -> bytes:
        chance = self.random.random
        frame = self._right()
        if chance() < 0.15:
            return _dump(frame)
        if chance() < 0.75:
            for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
                frame = self._mutated(frame)
            if chance() < 0.85:
                return _dump(frame)
        return self._scrambled(_dump(frame))

    def _right(self) -> list[Any]:
        """Return a frame without fault."""
        self._number += 1
        action = self.random.choice(sorted(RECEIVED))
        id_ = f"fuzz-{self._number}"
        return [CALL, id_, action, self._payload(action)]

    def _mutated(self, frame: Any) -> Any:
        """Return a frame with something in it changed."""
        frame = copy.deepcopy(frame)
        spots = list(_spots(frame))
        if not spots:
            return self._any()
        container, key = self.random.choice(spots)
        match self.random.randrange(7):
            case 0:
                del container[key]
            case 1 if isinstance(container, list):
                container.insert(key, self._any())
            case 1:
                container[self.random.choice((*TEXTS, "idTag", "status"))] = self._any()
            case 2 if isinstance(container, list):
                container.extend([container[key]] * self.random.choice((1, 2, 30)))
            case 3:
                container[key] = str(container[key])
            case 4 if isinstance(container[key], str):
                container[key] = container[key].swapcase() * self.random.choice((1, 9))
            case _:
                container[key] = self._any()
        return frame

    def _any(self) -> Any:
        return copy.deepcopy(self.random.choice(VALUES))

    def _scrambled(self, frame: bytes) -> bytes:
        """Return a frame whose text is changed somewhere."""
        for _ in range(self.random.choice((1, 1, 2, 5))):
            at = self.random.randrange(len(frame) + 1)
            match self.random.randrange(4):
                case 0:
                    frame = frame[:at]
                case 1:
                    frame = frame[:at] + frame[at + self.random.randrange(1, 6) :]
                case 2:
                    frame = frame[:at] + self.random.choice(BYTES) + frame[at:]
                case _:
                    frame = frame[at:] + frame[:at]
        return frame

    # Payloads that are right

    def _payload(self, action: str) -> dict[str, Any]:
        number = self.random.randrange
        properties = validator(action).schema["properties"]
        payload: dict[str, Any] = {}
        if "status" in properties:
            payload["status"] = self.random.choice(_words(action))
        if "connectorId" in properties:
            payload["connectorId"] = self.random.choice((0, 1, 1, 1, 2, 3))
        if "timestamp" in properties:
            payload["timestamp"] = ago(number(1000))
        if "idTag" in properties:
            payload["idTag"] = f"TAG{number(1000)}"
        if "transactionId" in properties:
            payload["transactionId"] = self.random.choice(self.transactions)
        return payload | self._more(action)

    def _more(self, action: str) -> dict[str, Any]:
        """Return what only one action has."""
        number = self.random.randrange
        match action:
            case "BootNotification":
                model = self.random.choice(("Wall", "Pole"))
                return {"chargePointVendor": "Acme", "chargePointModel": model}
            case "DataTransfer":
                return {"vendorId": "Acme", "messageId": "m", "data": "d" * number(99)}
            case "MeterValues":
                return {"meterValue": self._readings()}
            case "SecurityEventNotification":
                return {"type": "ResetOrReboot", "techInfo": "x"}
            case "SignCertificate":
                return {"csr": "-----BEGIN"}
            case "StartTransaction":
                return {"meterStart": number(100_000), "reservationId": 1}
            case "StatusNotification":
                error = self.random.choice(("NoError", "NoError", "GroundFailure"))
                return {"errorCode": error, "info": "x", "vendorErrorCode": "0"}
            case "StopTransaction":
                data = self._readings()
                stop = {"meterStop": number(100_000), "reason": "Local"}
                return {**stop, "transactionData": data}
            case "LogStatusNotification" | "SignedFirmwareStatusNotification":
                return {"requestId": 1}
        return {}

    def _readings(self) -> list[dict[str, Any]]:
        number = self.random.randrange
        samples = [
            {
                "value": str(number(100_000)),
                "measurand": measurand,
                "unit": unit,
                "context": "Sample.Periodic",
                "location": "Outlet",
                **({"phase": phase} if phase else {}),
            }
            for measurand, unit, phase in (
                ("Energy.Active.Import.Register", "Wh", ""),
                ("Power.Active.Import", "kW", "L1"),
                ("Voltage", "V", "L1-N"),
            )
        ]
        return [{"timestamp": ago(number(1000)), "sampledValue": samples}]


def _words(action: str) -> list[str]:
    """Return the statuses of an action."""
    schema = validator(action).schema
    field = schema["properties"]["status"]
    if "$ref" in field:
        field = schema["definitions"][field["$ref"].rpartition("/")[2]]
    words: list[str] = field["enum"]
    return words


def expected(frame: bytes) -> Expectation:
    """Return what a frame must be answered with, by the specification alone."""
    nothing, anything = Expectation(), Expectation(optional=True)
    try:
        message = json.loads(frame.decode(), parse_constant=_refuse)
    except ValueError, RecursionError:
        return anything
    if not isinstance(message, list) or not message:
        return nothing
    if type(message[0]) is not int:
        return anything if message[0] in ("2", 2.0) else nothing
    if message[0] != CALL or len(message) < 2:
        return nothing
    id_ = message[1]
    if type(id_) is int:
        return anything
    if not isinstance(id_, str):
        return nothing
    if _has_halves(id_):
        return anything
    if len(message) != 4 or not isinstance(message[2], str):
        return Expectation(id_, ERROR)
    if len(id_) > 36:
        return Expectation(id_)
    _, _, action, payload = message
    return Expectation(id_, _kind(action, payload), action)


def _kind(action: str, payload: Any) -> int | None:
    """Return what a call must be answered with; None: with either."""
    if action not in RECEIVED:
        return ERROR
    if action in ALWAYS_CONFIRMED:
        return RESULT
    if payload is not None and not isinstance(payload, dict):
        return ERROR
    if is_request(action, {} if payload is None else payload):
        return None if _has_large_number(payload) else RESULT
    required = validator(action).schema.get("required", ())
    return ERROR if any(it not in (payload or {}) for it in required) else None


def mismatch(answers: Sequence[Any], expectations: Sequence[Expectation]) -> str:
    """Return what is wrong with the answers to frames, in their order; "": nothing."""
    remaining = list(answers)
    spare = 0
    for it in expectations:
        if it.id is None:
            spare += it.optional
            continue
        while remaining and remaining[0][1] != it.id and spare:
            if wrong := _misshapen(remaining.pop(0)):
                return wrong
            spare -= 1
        if not remaining:
            return f"No answer to {it}"
        answer = remaining.pop(0)
        if answer[1] != it.id or it.kind not in {None, answer[0]}:
            return f"{answer} for {it}"
        if wrong := _misshapen(answer, it.action):
            return wrong
    if len(remaining) > spare:
        return f"Nobody asked for {remaining[spare:]}"
    return ""


def _misshapen(answer: list[Any], action: str = "") -> str:
    """Return what is wrong with an answer by itself."""
    right = False
    match answer:
        case [3, _, payload]:
            right = not action or validator(f"{action}Response").is_valid(payload)
        case [4, _, str(code), str(description), {**details}]:
            # An InternalError is an exception that got that far.
            right = code in ERROR_CODES - {"InternalError"} and not details
            right = right and len(description) <= 255
    return "" if right else f"{answer} is no answer to {action or 'anything'}"


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a frame: what it is in, and its index or key."""
    if isinstance(value, list | dict):
        keys = range(len(value)) if isinstance(value, list) else list(value)
        for key in keys:
            yield value, key
            yield from _spots(value[key])


def _has_large_number(value: Any) -> bool:
    """Tell whether a number is larger than anybody needs."""
    numbers = [it[key] for it, key in _spots(value) if type(it[key]) in {int, float}]
    return any(abs(it) >= 2**63 - 1 for it in numbers)


def _has_halves(text: str) -> bool:
    """Tell whether a text has halves of characters, which no UTF-8 has."""
    return any("\ud800" <= it <= "\udfff" for it in text)


def _dump(frame: Any) -> bytes:
    return json.dumps(frame, ensure_ascii=False).encode(errors="surrogatepass")


def _refuse(name: str) -> None:
    raise ValueError(name)
