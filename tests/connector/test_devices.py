"""Several devices on one link, and messages of which only a part can be read."""

from typing import Any, override

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.devices import own_key
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    Messages,
    PartialMessage,
    RawMessage,
)
from tests.connector.recorder import Recorder
from tests.connector.test_base import Pulled, running


async def _heard(messages: list[Any], **options: Any) -> Recorder:
    """Return what a connector tells of messages."""
    async with running(**options) as (connector, heard):
        for message in [*messages, {"end": 1}]:
            connector.queue.put_nowait(message)
        await heard.until(lambda: heard.readings and "end" in heard.values[-1])
    heard.readings.pop()
    heard.added.pop()
    heard.devices.pop()
    return heard


async def test_each_device_has_its_own_keys() -> None:
    """The id goes before the key, and is no datapoint itself."""
    heard = await _heard(
        [
            {"id": "a", "power": 1},
            {"id": "b", "power": 2},
            {"id": "a", "power": 3, "on": True},
        ],
        device_id_key="id",
    )
    assert heard.values == [
        {"a__power": 1},
        {"b__power": 2},
        {"a__power": 3, "a__on": True},
    ]
    assert heard.added == [{"a__power": 1}, {"b__power": 2}, {"a__on": True}]
    assert heard.devices == ["a", "b", "a"]


async def test_a_list_is_a_message_of_each_device() -> None:
    """As gateways send the values of all their devices at once."""
    heard = await _heard(
        [
            [{"id": 1, "t": 20}, {"id": 2, "t": 21}],
            Messages([[{"id": 3.0, "t": 22}], {"id": 4, "t": 23}]),
        ],
        device_id_key="id",
    )
    assert heard.values == [{"1__t": 20}, {"2__t": 21}, {"3__t": 22}, {"4__t": 23}]


async def test_the_id_may_be_nested() -> None:
    """Its key is the flattened one."""
    heard = await _heard(
        [{"meter": {"serial": "x7", "kwh": 5}}], device_id_key="meter__serial"
    )
    assert heard.values == [{"x7__meter__kwh": 5}]


async def test_a_list_of_other_things_is_a_list() -> None:
    """Only where an element has the id is it one message for each."""
    heard = await _heard([[{"t": 1}, {"u": 2}], [1, 2]], device_id_key="id")
    assert heard.values == [{"0__t": 1, "1__u": 2}, {"0": 1, "1": 2}]


async def test_an_element_without_the_id_is_the_hubs() -> None:
    """It does not take the others with it."""
    heard = await _heard([[{"id": "a", "t": 1}, {"t": 2}]], device_id_key="id")
    assert heard.values == [{"a__t": 1}, {"t": 2}]


async def test_a_message_without_an_id_is_the_hubs() -> None:
    """Such as what a gateway says of itself."""
    heard = await _heard([{"t": 1}], device_id_key="id")
    assert heard.values == [{"t": 1}]
    assert heard.devices == [None]


@pytest.mark.parametrize("nothing", [None, True, "", " \n", [], [1]])
async def test_a_message_with_an_id_that_is_none_is_refused(nothing: JsonValue) -> None:
    """It is neither the hub's nor anybody's."""
    async with running(device_id_key="id", lists="whole") as (connector, heard):
        connector.queue.put_nowait({"id": nothing, "t": 1})
        await heard.until(lambda: heard.raw)
        assert connector.statistics.parse_errors == 1
        assert not heard.readings


@pytest.mark.parametrize(
    ("first", "second"),
    [("\x01", "\x02"), ("\x03A", "A"), ("A\x7f", "A"), (1, "01"), (1.5, 1)],
)
async def test_different_ids_are_different_devices(
    first: JsonValue, second: JsonValue
) -> None:
    """A raw byte is an id as well."""
    heard = await _heard(
        [{"id": first, "t": 1}, {"id": second, "t": 2}], device_id_key="id"
    )
    assert len(set(heard.devices)) == 2
    assert all(device and device.isprintable() for device in heard.devices)


async def test_one_key_of_two_devices_stays_with_the_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rather no value than one of another device."""
    messages = [
        {"id": "a", "b": {"t": 1}},
        {"id": "a__b", "t": 99, "u": 2},
        {"a": {"b": {"t": 77}}},
        {"id": "a", "b": {"t": 3}},
    ]
    heard = await _heard(messages, device_id_key="id")
    assert heard.values == [{"a__b__t": 1}, {"a__b__u": 2}, {"a__b__t": 3}]
    assert caplog.text.count("two devices give it one key") == 1


async def test_a_part_without_sense_does_not_cost_the_others() -> None:
    """The documents of a stream, or the devices of a list."""

    class Documents(Pulled):
        @override
        def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
            return Messages([{"a": 1}, [1, 2], {"b": 2}])

    connector = Documents(lists="whole")
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    connector.queue.put_nowait("message")
    await heard.until(lambda: len(heard.readings) == 2)
    await connector.stop()
    assert heard.values == [{"a": 1}, {"b": 2}]
    assert connector.statistics.parse_errors == 1


async def test_a_device_that_says_only_its_id_is_understood() -> None:
    """As a heartbeat does; there is just nothing to show."""
    async with running(device_id_key="id") as (connector, heard):
        connector.queue.put_nowait({"id": "a"})
        await heard.until(lambda: heard.raw)
        assert connector.statistics.fruitless == 0


async def test_devices_share_the_bound_on_datapoints() -> None:
    """A device that invents ids cannot fill the registry."""
    messages = [{"id": number, "t": 1} for number in range(20)]
    async with running(device_id_key="id", max_datapoints=5) as (connector, heard):
        for message in messages:
            connector.queue.put_nowait(message)
        await heard.until(lambda: connector.statistics.messages == 20)
        assert len(connector.datapoints) == 5
        assert connector.statistics.ignored_datapoints == 15


@given(st.text(min_size=1), st.text())
def test_the_own_key_comes_back(device_id: str, key: str) -> None:
    """Whatever is in it."""
    assert own_key(f"{device_id}__{key}", device_id) == key
    assert own_key(key, None) == key


async def test_what_can_be_read_is_kept() -> None:
    """The other fields are counted, and shown with the reason."""

    class Partly(Pulled):
        @override
        def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
            return PartialMessage({"good": 1}, ["bad: too short", "worse: no number"])

    connector = Partly()
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    connector.queue.put_nowait("message")
    await heard.until(lambda: heard.readings)
    await connector.stop()
    assert heard.values == [{"good": 1}]
    assert connector.statistics.field_errors == 2
    assert connector.statistics.parse_errors == 0
    assert connector.history[0][3] == "bad: too short; worse: no number"
