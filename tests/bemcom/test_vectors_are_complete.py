"""Each recorded row is run by a test, and which one is to be found here."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.bemcom import test_ocpp_vectors as ocpp, test_vectors as mirror
from tests.connector import test_actuator_vectors as actuators
from tests.vectors import areas, rows_of

# What a row of each area goes through. All of `mirror` and `ocpp` are run with a broker that is
# none and with a real one; a dispatcher has nothing of MQTT.
TESTS: dict[str, tuple[Callable[..., object], ...]] = {
    "topics": (mirror.test_topics,),
    "available_datapoints": (mirror.test_available_datapoints,),
    "datapoint_map": (mirror.test_datapoint_map,),
    "sensor_value": (mirror.test_sensor_value,),
    "actuator_value": (mirror.test_actuator_value, actuators.test_actuator_value),
    "raw_message_to_db": (mirror.test_raw_message,),
    "heartbeat": (mirror.test_heartbeat,),
    "logs": (mirror.test_logs,),
    "lifecycle": (mirror.test_lifecycle,),
    "dispatcher": (actuators.test_dispatcher,),
    "api_in": (mirror.test_what_the_api_takes,),
    "api_out": (mirror.test_what_the_api_sends,),
    "api_poison": (mirror.test_nothing_of_this_is_ever_sent,),
    "ocpp_config": (mirror.test_actuators_of_ocpp,),
    "ocpp_inbound": (
        ocpp.test_what_charge_points_send,
        ocpp.test_what_charge_points_are_answered,
    ),
    "ocpp_outbound": (ocpp.test_what_charge_points_are_told,),
}
# Those of other parts.
OTHERS = {"flatten", "sensorflow", "socket"}


def _ids(test: Callable[..., object]) -> set[str]:
    """Return the rows that a test is run with."""
    marks: list[Any] = test.pytestmark  # type: ignore[attr-defined]
    return {
        row["id"]
        for mark in marks
        if mark.name == "parametrize" and mark.args[0] == "row"
        for row in mark.args[1]
    }


def test_each_area_has_its_tests() -> None:
    assert areas("bemcom.json") == TESTS.keys() | OTHERS


@pytest.mark.parametrize("area", TESTS)
def test_each_row_is_run(area: str) -> None:
    ids = {row["id"] for row in rows_of(area, "bemcom.json")}
    assert ids
    for test in TESTS[area]:
        assert _ids(test) == ids


def test_policies_are_those_that_tests_know() -> None:
    """Match is equal, improve is what is recommended, avoid is never sent or done."""
    for area in TESTS:
        for row in rows_of(area, "bemcom.json"):
            assert row["policy"] in {"match", "improve", "avoid", "info"}
