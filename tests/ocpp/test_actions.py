"""The tables of all actions, held against the official schemas of OCPP 1.6."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
import json
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings, strategies as st
import jsonschema
import ocpp.v16
import pytest

from custom_components.bemcom_connectors.ocpp.actions import (
    FROM_CHARGE_POINT,
    TO_CHARGE_POINT,
    InvalidConfirmation,
    check_request,
    read_confirmation,
    read_request,
)
from custom_components.bemcom_connectors.ocpp.fields import Field, Kind
from custom_components.bemcom_connectors.ocpp.frames import ErrorCode, Refused
from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies
from custom_components.bemcom_connectors.ocpp.timestamps import (
    read_timestamp,
    write_timestamp,
)

SCHEMAS = {
    path.stem: json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    for path in (Path(ocpp.v16.__path__[0]) / "schemas").glob("*.json")
}
NEVER_REFUSED = {"MeterValues", "StopTransaction"}

TYPES = {
    Kind.TEXT: "string",
    Kind.DATA: "string",
    Kind.WORD: "string",
    Kind.TIMESTAMP: "string",
    Kind.INTEGER: "integer",
    Kind.REGISTER: "integer",
    Kind.DECIMAL: "number",
    Kind.BOOLEAN: "boolean",
    Kind.OBJECT: "object",
    Kind.OBJECTS: "array",
    Kind.TEXTS: "array",
    Kind.RAW: "array",
}

VALID: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "04A1B2C3"},
    "BootNotification": {
        "chargePointVendor": "Vendor",
        "chargePointModel": "Model",
        "firmwareVersion": "1.2",
    },
    "DataTransfer": {"vendorId": "Vendor", "data": "x"},
    "DiagnosticsStatusNotification": {"status": "Uploading"},
    "FirmwareStatusNotification": {"status": "Installed"},
    "Heartbeat": {},
    "LogStatusNotification": {"status": "Uploaded", "requestId": 1},
    "MeterValues": {"connectorId": 1, "transactionId": 7, "meterValue": [{}]},
    "SecurityEventNotification": {"type": "New", "timestamp": "2026-03-10T12:00:00Z"},
    "SignCertificate": {"csr": "-----BEGIN"},
    "SignedFirmwareStatusNotification": {"status": "InvalidSignature"},
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "04A1B2C3",
        "meterStart": 1000,
        "timestamp": "2026-03-10T12:00:00Z",
    },
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Charging",
    },
    "StopTransaction": {
        "transactionId": 7,
        "meterStop": 2000,
        "timestamp": "2026-03-10T12:00:00Z",
        "reason": "EVDisconnected",
    },
}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)
integers = st.integers(1, 2**63 - 1)
timestamps = st.integers(0, 4_000_000_000).map(write_timestamp)


def objects(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Return what makes objects as OCPP wants them."""
    return st.fixed_dictionaries(
        {it.name: values(it) for it in fields if it.required},
        optional={it.name: values(it) for it in fields if not it.required},
    )


def values(field: Field) -> st.SearchStrategy[Any]:
    """Return what makes values as OCPP wants them."""
    limit = min(field.max_length or 30, 30)
    match field.kind:
        case Kind.TEXT | Kind.DATA:
            return texts.map(lambda text: text[:limit])
        case Kind.WORD:
            assert field.values is not None
            return st.sampled_from([member.value for member in field.values])
        case Kind.TIMESTAMP:
            return timestamps
        case Kind.INTEGER | Kind.REGISTER:
            return integers
        case Kind.DECIMAL:
            return st.integers(-1000, 10_000_000).map(lambda tenths: tenths / 10)
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.OBJECT:
            return objects(field.fields)
        case Kind.OBJECTS:
            return st.lists(objects(field.fields), min_size=1, max_size=2)
        case Kind.TEXTS:
            return st.lists(texts.map(lambda text: text[:limit]), max_size=3)
    return st.just(
        [{"timestamp": write_timestamp(0), "sampledValue": [{"value": "1"}]}]
    )


def tampered(
    payloads: st.SearchStrategy[dict[str, Any]],
) -> st.SearchStrategy[dict[str, Any]]:
    """Return what makes objects of which something is wrong or missing or too much."""

    def tamper(payload: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        names = st.sampled_from([*payload, "extra"])
        return st.one_of(
            names.map(lambda gone: {k: v for k, v in payload.items() if k != gone}),
            st.dictionaries(names, json_values, max_size=2).map(
                lambda changed: payload | changed
            ),
        )

    return payloads.flatmap(tamper)


def as_read(fields: tuple[Field, ...], payload: dict[str, Any]) -> dict[str, Any]:
    """Return what a payload without mistakes is read as."""
    by_name = {field.name: field for field in fields}
    return {name: value_as_read(by_name[name], it) for name, it in payload.items()}


def value_as_read(field: Field, value: Any) -> Any:
    """Return what a value without mistakes is read as."""
    match field.kind:
        case Kind.TIMESTAMP:
            return read_timestamp(value)
        case Kind.OBJECT:
            return as_read(field.fields, value)
        case Kind.OBJECTS:
            return [as_read(field.fields, each) for each in value]
    return value


def fits(schema: str, payload: object) -> bool:
    """Return whether the official schema takes a payload, once it went over the wire."""
    wired = json.loads(json.dumps(payload), parse_float=Decimal)
    return bool(jsonschema.Draft4Validator(SCHEMAS[schema]).is_valid(wired))


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one that it refers to."""
    if reference := schema.get("$ref"):
        return cast("Mapping[str, Any]", root["definitions"][reference.split("/")[-1]])
    return schema


def compare(
    path: str,
    fields: tuple[Field, ...],
    schema: Mapping[str, Any],
    root: Mapping[str, Any],
) -> None:
    """Hold the fields of an object against its official schema."""
    properties = schema.get("properties", {})
    assert {field.name for field in fields} == set(properties), path
    required = {field.name for field in fields if field.required}
    assert required == set(schema.get("required", ())), path
    for field in fields:
        compare_field(f"{path}.{field.name}", field, properties[field.name], root)


def compare_field(
    path: str, field: Field, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> None:
    """Hold one field against its official schema."""
    schema = resolved(schema, root)
    assert schema["type"] == TYPES[field.kind], path
    words = None if field.values is None else {it.value for it in field.values}
    assert words == (set(schema["enum"]) if "enum" in schema else None), path
    assert (schema.get("format") == "date-time") == (field.kind is Kind.TIMESTAMP), path
    assert schema.get("multipleOf") == (
        Decimal("0.1") if field.kind is Kind.DECIMAL else None
    ), path
    if field.kind in {Kind.OBJECTS, Kind.TEXTS}:
        schema = resolved(schema["items"], root)
        expected = "object" if field.kind is Kind.OBJECTS else "string"
        assert schema["type"] == expected, path
    if field.kind in {Kind.OBJECT, Kind.OBJECTS}:
        compare(path, field.fields, schema, root)
    assert schema.get("maxLength") == field.max_length, path


def all_tables() -> Iterator[tuple[str, tuple[Field, ...]]]:
    """Yield the fields of all messages by the names of their official schemas."""
    yield from FROM_CHARGE_POINT.items()
    for action, (request, confirmation) in TO_CHARGE_POINT.items():
        yield action, request
        yield f"{action}Response", confirmation


@pytest.mark.parametrize(("name", "fields"), list(all_tables()))
def test_a_table_says_what_the_schema_says(
    name: str, fields: tuple[Field, ...]
) -> None:
    compare(name, fields, SCHEMAS[name], SCHEMAS[name])


def test_there_is_a_table_for_each_schema() -> None:
    answered_by_us = {f"{action}Response" for action in FROM_CHARGE_POINT}
    tables = {name for name, _ in all_tables()}
    assert tables | answered_by_us == set(SCHEMAS)
    assert FROM_CHARGE_POINT.keys() & TO_CHARGE_POINT.keys() == {"DataTransfer"}
    assert VALID.keys() == FROM_CHARGE_POINT.keys()


@pytest.mark.parametrize("action", FROM_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=30)
def test_a_request_as_ocpp_wants_it(action: str, data: st.DataObject) -> None:
    notes = Leniencies()
    payload = data.draw(objects(FROM_CHARGE_POINT[action]))
    assert fits(action, payload)
    expected = as_read(FROM_CHARGE_POINT[action], payload)
    assert read_request(action, payload, notes) == expected
    assert not notes.counts


@pytest.mark.parametrize("action", FROM_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=60)
def test_a_request_with_mistakes(action: str, data: st.DataObject) -> None:
    notes = Leniencies()
    payload: Any = data.draw(tampered(objects(FROM_CHARGE_POINT[action])) | json_values)
    try:
        result = read_request(action, payload, notes)
    except Refused as refused:
        assert not fits(action, payload)
        assert action not in NEVER_REFUSED
        assert refused.description.startswith(action)
    else:
        # What was accepted is right, empty, or noted.
        assert (
            fits(action, payload)
            or notes.counts
            or payload is None
            or "" in payload.values()
        )
        assert result.keys() <= {field.name for field in FROM_CHARGE_POINT[action]}
    names = {action} | {f"{action}.{it.name}" for it in FROM_CHARGE_POINT[action]}
    assert {note.split(":")[0] for note in notes.counts} <= names


@pytest.mark.parametrize("action", TO_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=30)
def test_a_correct_request_of_ours_passes(action: str, data: st.DataObject) -> None:
    payload = data.draw(objects(TO_CHARGE_POINT[action].request))
    check_request(action, payload)
    assert fits(action, payload)


@pytest.mark.parametrize("action", TO_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=60)
def test_whatever_passes_is_correct(action: str, data: st.DataObject) -> None:
    payload = data.draw(
        tampered(objects(TO_CHARGE_POINT[action].request)) | json_values
    )
    try:
        check_request(action, payload)
    except ValueError as error:
        assert str(error).startswith(action)
    else:
        assert fits(action, payload)


@pytest.mark.parametrize("action", TO_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=30)
def test_a_confirmation_as_ocpp_wants_it(action: str, data: st.DataObject) -> None:
    notes = Leniencies()
    fields = TO_CHARGE_POINT[action].confirmation
    payload = data.draw(objects(fields))
    assert fits(f"{action}Response", payload)
    assert read_confirmation(action, payload, notes) == as_read(fields, payload)
    assert not notes.counts


@pytest.mark.parametrize("action", TO_CHARGE_POINT)
@given(data=st.data())
@settings(max_examples=60)
def test_a_confirmation_with_mistakes(action: str, data: st.DataObject) -> None:
    notes = Leniencies()
    payload: Any = data.draw(
        tampered(objects(TO_CHARGE_POINT[action].confirmation)) | json_values
    )
    try:
        read_confirmation(action, payload, notes)
    except InvalidConfirmation as error:
        assert str(error).startswith(f"{action}.conf")
        assert not fits(f"{action}Response", payload)
    assert all(note.startswith(f"{action}.conf") for note in notes.counts)


def refusal(action: str, payload: Any) -> Refused:
    """Return why a call is refused."""
    with pytest.raises(Refused) as caught:
        read_request(action, payload, Leniencies())
    return caught.value


@pytest.mark.parametrize("action", ["Foo", "", "heartbeat", "HEARTBEAT", "Heartbeat "])
def test_an_unknown_action(action: str) -> None:
    assert refusal(action, {}).code == ErrorCode.NOT_IMPLEMENTED


@pytest.mark.parametrize("action", sorted(TO_CHARGE_POINT.keys() - {"DataTransfer"}))
def test_an_action_that_only_we_send(action: str) -> None:
    assert refusal(action, {}).code == ErrorCode.NOT_SUPPORTED


@pytest.mark.parametrize("payload", [[], "x", 1, True, [{}]])
@pytest.mark.parametrize("action", sorted(FROM_CHARGE_POINT.keys() - NEVER_REFUSED))
def test_a_payload_that_is_no_object(action: str, payload: object) -> None:
    assert refusal(action, payload).code == ErrorCode.FORMATION_VIOLATION


def test_null_is_an_empty_payload() -> None:
    notes = Leniencies()
    assert read_request("Heartbeat", None, notes) == {}
    assert read_confirmation("GetConfiguration", None, notes) == {}
    assert not notes.counts


REQUIRED = [
    (action, field.name)
    for action, fields in FROM_CHARGE_POINT.items()
    for field in fields
    if field.required and action not in NEVER_REFUSED
]


@pytest.mark.parametrize(("action", "name"), REQUIRED)
def test_a_missing_field(action: str, name: str) -> None:
    payload = {key: it for key, it in VALID[action].items() if key != name}
    refused = refusal(action, payload)
    assert refused.code == ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION
    assert refused.description == f"{action}.{name}: missing"


@pytest.mark.parametrize(("action", "name"), REQUIRED)
def test_null_is_as_good_as_missing(action: str, name: str) -> None:
    payload = VALID[action] | {name: None}
    if name == "errorCode":
        assert read_request(action, payload, Leniencies())[name] == "NoError"
        return
    refused = refusal(action, payload)
    assert refused.code == ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION


@pytest.mark.parametrize(("action", "name"), REQUIRED)
@pytest.mark.parametrize("value", [True, {}, [], [1]])
def test_a_wrong_type(action: str, name: str, value: object) -> None:
    refused = refusal(action, VALID[action] | {name: value})
    assert refused.code == ErrorCode.TYPE_CONSTRAINT_VIOLATION
    assert refused.description.startswith(f"{action}.{name}: not ")


@pytest.mark.parametrize(
    "value", ["one", "", "1.5", 1.5, float("nan"), "1_0", "1" * 41]
)
def test_a_number_that_is_none(value: object) -> None:
    refused = refusal(
        "StatusNotification", VALID["StatusNotification"] | {"connectorId": value}
    )
    assert refused.code == ErrorCode.TYPE_CONSTRAINT_VIOLATION


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1e30, "9" * 30])
def test_a_number_that_nothing_can_hold(value: object) -> None:
    for action, name in (
        ("StatusNotification", "connectorId"),
        ("StartTransaction", "meterStart"),
    ):
        refused = refusal(action, VALID[action] | {name: value})
        assert refused.code == ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


@pytest.mark.parametrize("value", ["Occupied", "", "x" * 10_000])
def test_a_word_that_nobody_knows(value: str) -> None:
    refused = refusal(
        "StatusNotification", VALID["StatusNotification"] | {"status": value}
    )
    assert refused.code == ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


# What is sent, what it is read as (None: left out), and the note.
LENIENCIES = [
    ("StatusNotification", "connectorId", "1", 1, "not written as a whole number"),
    ("StatusNotification", "connectorId", " 2.0 ", 2, "not written as a whole number"),
    ("StatusNotification", "connectorId", 3.0, 3, "not written as a whole number"),
    ("StatusNotification", "status", "charging", "Charging", "not spelled so"),
    ("StatusNotification", "status", "SUSPENDEDEV ", "SuspendedEV", "not spelled so"),
    ("StatusNotification", "errorCode", "", "NoError", "empty"),
    ("StatusNotification", "errorCode", "noerror", "NoError", "not spelled so"),
    ("StatusNotification", "info", None, None, "null"),
    ("StatusNotification", "info", {}, None, "not text"),
    ("StatusNotification", "info", True, None, "not text"),
    ("StatusNotification", "info", 12, "12", "number instead of text"),
    ("StatusNotification", "info", "x" * 51, "x" * 51, "too long"),
    ("StatusNotification", "info", "x" * 10**6, "x" * 4096, "too long"),
    ("StatusNotification", "timestamp", "", None, "no point in time"),
    ("StatusNotification", "timestamp", "soon", None, "no point in time"),
    ("StatusNotification", "timestamp", [], None, "not text"),
    (
        "StatusNotification",
        "timestamp",
        1773144000,
        1773144000,
        "number instead of text",
    ),
    ("StartTransaction", "timestamp", "soon", None, "no point in time"),
    ("StartTransaction", "idTag", 1234567890, "1234567890", "number instead of text"),
    ("StartTransaction", "idTag", "A" * 26, "A" * 26, "too long"),
    ("StartTransaction", "meterStart", "1000", 1000, "not written as a whole number"),
    ("StartTransaction", "meterStart", "1,5", 1.5, "not written as a whole number"),
    (
        "StartTransaction",
        "meterStart",
        1000.25,
        1000.25,
        "not written as a whole number",
    ),
    ("StartTransaction", "reservationId", "", None, "not a whole number"),
    ("StartTransaction", "reservationId", None, None, "null"),
    ("StopTransaction", "reason", "", None, "empty"),
    ("StopTransaction", "reason", "Tired", None, "unknown word"),
    ("StopTransaction", "reason", "evdisconnected", "EVDisconnected", "not spelled so"),
    ("StopTransaction", "reason", 1, None, "not text"),
    ("StopTransaction", "transactionId", "x", 0, "not a whole number"),
    ("StopTransaction", "transactionId", None, 0, "null"),
    ("StopTransaction", "meterStop", {}, None, "not a number"),
    ("StopTransaction", "timestamp", {}, None, "not text"),
    ("StopTransaction", "transactionData", None, None, "null"),
    ("MeterValues", "connectorId", "none", 0, "not a whole number"),
    ("MeterValues", "transactionId", 10**40, None, "out of range"),
    ("MeterValues", "meterValue", None, None, "null"),
    ("DataTransfer", "data", {"a": [1]}, '{"a":[1]}', "not text"),
    ("DataTransfer", "data", float("nan"), "null", "not text"),
    ("DataTransfer", "data", 10**40, None, "not text"),
    ("DataTransfer", "data", None, None, "null"),
    ("BootNotification", "chargePointSerialNumber", "1" * 26, "1" * 26, "too long"),
    ("BootNotification", "chargePointSerialNumber", 17, "17", "number instead of text"),
    ("SecurityEventNotification", "timestamp", "soon", None, "no point in time"),
    ("LogStatusNotification", "requestId", "x", None, "not a whole number"),
]


@pytest.mark.parametrize(("action", "name", "value", "read", "note"), LENIENCIES)
def test_a_leniency(
    action: str, name: str, value: object, read: object, note: str
) -> None:
    notes = Leniencies()
    result = read_request(action, VALID[action] | {name: value}, notes)
    assert result.get(name) == read
    assert notes.counts == {f"{action}.{name}: {note}": 1}
    expected = read_request(action, VALID[action], Leniencies())
    assert {**result, name: None} == {**expected, name: None}


def test_extra_fields_are_ignored() -> None:
    notes = Leniencies()
    extra = {f"extra{number}": number for number in range(1000)}
    payload = extra | VALID["StatusNotification"]
    assert read_request("StatusNotification", payload, notes).keys() == {
        "connectorId",
        "errorCode",
        "status",
    }
    assert notes.counts == {"StatusNotification: extra field": 1}


def test_empty_texts_are_allowed() -> None:
    notes = Leniencies()
    payload: Any = {"chargePointVendor": "", "chargePointModel": "", "iccid": ""}
    assert read_request("BootNotification", payload, notes) == {
        "chargePointVendor": "",
        "chargePointModel": "",
    }
    assert not notes.counts


@pytest.mark.parametrize(
    ("fields", "vendor_error_code"),
    [
        ({"errorCode": "OtherError"}, None),
        ({"errorCode": "othererror"}, None),
        ({"errorCode": "Error"}, "Error"),
        ({"errorCode": "Error", "vendorErrorCode": ""}, "Error"),
        ({"errorCode": "Error", "vendorErrorCode": None}, "Error"),
        ({"errorCode": "Error", "vendorErrorCode": "E1"}, "E1"),
        ({"errorCode": 17}, "17"),
        ({"errorCode": "x" * 500}, "x" * 50),
    ],
)
def test_an_error_that_ocpp_has_no_word_for(
    fields: dict[str, Any], vendor_error_code: str | None
) -> None:
    payload = VALID["StatusNotification"] | fields
    result = read_request("StatusNotification", payload, Leniencies())
    assert result["errorCode"] == "OtherError"
    assert result.get("vendorErrorCode") == vendor_error_code


@pytest.mark.parametrize("payload", [None, {}, [], "x", 1, {"transactionId": []}])
def test_what_is_never_refused(payload: Any) -> None:
    assert read_request("MeterValues", payload, Leniencies()) == {"connectorId": 0}
    assert read_request("StopTransaction", payload, Leniencies()) == {
        "transactionId": 0
    }


def test_meter_values_are_left_for_others_to_read() -> None:
    data: Any = {"not": "an array"}
    result = read_request(
        "MeterValues", {"connectorId": 1, "meterValue": data}, Leniencies()
    )
    assert result == {"connectorId": 1, "meterValue": data}


def test_a_configuration_as_many_send_it() -> None:
    notes = Leniencies()
    payload: Any = {
        "configurationKey": [
            {"key": "A", "readonly": False, "value": "1"},
            {"key": "B", "value": 30},
            {"key": "C", "readonly": "True", "value": True},
            {"key": "D", "readonly": 0, "value": None},
            {"key": "E", "readonly": "maybe", "value": ""},
            {"key": "F", "readonly": True, "value": "x" * 600},
            {"readonly": True, "value": "nameless"},
            "nothing",
        ],
        "unknownKey": ["G", 7, "", None, {}],
    }
    result = read_confirmation("GetConfiguration", payload, notes)
    assert result == {
        "configurationKey": [
            {"key": "A", "readonly": False, "value": "1"},
            {"key": "B", "readonly": False, "value": "30"},
            {"key": "C", "readonly": True, "value": "true"},
            {"key": "D", "readonly": False},
            {"key": "E", "readonly": False, "value": ""},
            {"key": "F", "readonly": True, "value": "x" * 600},
        ],
        "unknownKey": ["G", "7"],
    }


def test_one_object_instead_of_an_array() -> None:
    payload: Any = {
        "configurationKey": {"key": "A", "readonly": True},
        "unknownKey": "B",
    }
    assert read_confirmation("GetConfiguration", payload, Leniencies()) == {
        "configurationKey": [{"key": "A", "readonly": True}],
        "unknownKey": ["B"],
    }
    payload = {"configurationKey": None, "unknownKey": 1}
    assert read_confirmation("GetConfiguration", payload, Leniencies()) == {}
    payload = {"configurationKey": "A"}
    assert read_confirmation("GetConfiguration", payload, Leniencies()) == {}


@pytest.mark.parametrize("item", [None, {}, "x", {"key": "A"}])
def test_an_array_without_end(item: object) -> None:
    notes = Leniencies()
    payload: Any = {
        "configurationKey": [item] * 100_000,
        "unknownKey": [item] * 100_000,
    }
    result = read_confirmation("GetConfiguration", payload, notes)
    assert all(len(array) <= 5000 for array in result.values())
    assert notes.counts["GetConfiguration.conf.configurationKey: too many"] == 1
    assert notes.counts["GetConfiguration.conf.unknownKey: too many"] == 1


def test_a_schedule_as_many_send_it() -> None:
    notes = Leniencies()
    period: Any = {"startPeriod": 0, "limit": "16.25"}
    schedule: Any = {"chargingRateUnit": "a", "chargingSchedulePeriod": [period]}
    payload: Any = {"status": "Accepted", "chargingSchedule": schedule}
    result = read_confirmation("GetCompositeSchedule", payload, notes)
    assert result["chargingSchedule"] == {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.25}],
    }
    period["limit"] = "1e300"
    result = read_confirmation("GetCompositeSchedule", payload, notes)
    assert result["chargingSchedule"]["chargingSchedulePeriod"] == []
    payload["chargingSchedule"] = {}
    assert read_confirmation("GetCompositeSchedule", payload, notes) == {
        "status": "Accepted"
    }


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Reset", {}),
        ("Reset", None),
        ("Reset", []),
        ("Reset", {"status": "Perhaps"}),
        ("Reset", {"status": 1}),
        ("GetLocalListVersion", {"listVersion": "new"}),
        ("Foo", {}),
    ],
)
def test_a_confirmation_that_makes_no_sense(action: str, payload: Any) -> None:
    with pytest.raises(InvalidConfirmation, match=f"^{action}"):
        read_confirmation(action, payload, Leniencies())


PROFILE: dict[str, Any] = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
    },
}


def limited(limit: object) -> dict[str, Any]:
    """Return a request for a limit."""
    periods = [{"startPeriod": 0, "limit": limit}]
    schedule = PROFILE["chargingSchedule"] | {"chargingSchedulePeriod": periods}
    return {
        "connectorId": 1,
        "csChargingProfiles": PROFILE | {"chargingSchedule": schedule},
    }


@pytest.mark.parametrize("limit", [0, 6, 16, 0.3, 8.1, 32.1, 11000.0, 1000000.1])
def test_a_limit_that_can_be_sent(limit: float) -> None:
    check_request("SetChargingProfile", limited(limit))
    assert fits("SetChargingProfile", limited(limit))


CHECKS: list[tuple[str, Callable[[], object], str]] = [
    ("Foo", dict, "Foo: no action"),
    ("Heartbeat", dict, "Heartbeat: no action"),
    ("Reset", list, "Reset: must be an object"),
    ("Reset", dict, r"Reset\.type: is missing"),
    ("Reset", lambda: {"type": "soft"}, r"Reset\.type: must be one of Hard, Soft"),
    ("Reset", lambda: {"type": "Soft", "x": 1}, "Reset: has no field x"),
    ("ChangeConfiguration", lambda: {"key": "A", "value": 1}, r"value: must be text"),
    (
        "ChangeConfiguration",
        lambda: {"key": "A", "value": "x" * 501},
        "value: must not have more than 500",
    ),
    (
        "ChangeConfiguration",
        lambda: {"key": "A", "value": "\ud800"},
        "value: has characters that are none",
    ),
    ("GetConfiguration", lambda: {"key": "A"}, "key: must be an array"),
    ("GetConfiguration", lambda: {"key": ["A", "x" * 51]}, "key: must not have more"),
    (
        "RemoteStartTransaction",
        lambda: {"idTag": "A", "connectorId": 0},
        "connectorId: must not be less than 1",
    ),
    (
        "RemoteStartTransaction",
        lambda: {"idTag": "A", "connectorId": True},
        "connectorId: must be a whole number",
    ),
    ("RemoteStopTransaction", lambda: {"transactionId": 1.0}, "must be a whole number"),
    (
        "RemoteStopTransaction",
        lambda: {"transactionId": 2**63},
        "must be a whole number",
    ),
    (
        "SetChargingProfile",
        lambda: limited(16.25),
        "limit: must be a number with at most",
    ),
    (
        "SetChargingProfile",
        lambda: limited(0.1 + 0.2),
        "limit: must be a number with at",
    ),
    (
        "SetChargingProfile",
        lambda: limited(float("nan")),
        "limit: must be a number with",
    ),
    (
        "SetChargingProfile",
        lambda: limited(float("inf")),
        "limit: must be a number with",
    ),
    ("SetChargingProfile", lambda: limited("6"), "limit: must be a number"),
    (
        "UpdateFirmware",
        lambda: {"location": "ftp://x", "retrieveDate": "now"},
        "its zone",
    ),
    (
        "UpdateFirmware",
        lambda: {"location": "ftp://x", "retrieveDate": "2026-03-10T12:00:00"},
        "its zone",
    ),
    ("UpdateFirmware", lambda: {"location": "x", "retrieveDate": 1}, "its zone"),
    (
        "SendLocalList",
        lambda: {"listVersion": 0, "updateType": "Full"},
        "listVersion: must not be less than 1",
    ),
]


@pytest.mark.parametrize(("action", "payload", "message"), CHECKS)
def test_a_request_of_ours_that_is_wrong(
    action: str, payload: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_request(action, payload())


def test_the_id_of_a_foreign_transaction_can_be_sent() -> None:
    check_request("RemoteStopTransaction", {"transactionId": 2**63 - 1})
    check_request("RemoteStopTransaction", {"transactionId": -1})
