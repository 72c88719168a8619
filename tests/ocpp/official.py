"""The official JSON schemas of OCPP 1.6, as an independent word on what is valid."""

from functools import cache
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
import ocpp.v16

SCHEMAS = Path(ocpp.v16.__path__[0]) / "schemas"

# All there are for OCPP 1.6 (OCPP-J 1.6, 4.2.3); the spelling is theirs.
ERROR_CODES = frozenset(
    {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }
)


@cache
def validator(name: str) -> Draft4Validator:
    """Return what checks a message: the name of an action, "Response" behind it or not."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8-sig"))
    return Draft4Validator(schema)


def is_request(action: str, payload: Any) -> bool:
    """Tell whether a payload is a valid request."""
    valid: bool = validator(action).is_valid(payload)
    return valid


def check_answer(action: str, payload: Any) -> None:
    """Fail unless a payload is a valid confirmation."""
    validator(f"{action}Response").validate(payload)
