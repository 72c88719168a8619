"""The central system and its charge points, without Home Assistant: who may be who."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, override

import aiohttp
import pytest

from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import LinkError, RawMessage
from custom_components.bemcom_connectors.ocpp.authorization import IdTag
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from custom_components.bemcom_connectors.ocpp.listener import EventKind, OcppListener
from custom_components.bemcom_connectors.ocpp.model import (
    ChargePointConfig,
    HubOptions,
    PendingChargePoint,
    UnknownPolicy,
)
from custom_components.bemcom_connectors.ocpp.server import ServerOptions
from tests.ocpp.client import dial
from tests.ocpp_hub import BOOT, ago, boot, error, meter, result, sampled, start, status

pytestmark = pytest.mark.usefixtures("loopback")

CP = "CP1"
QUIET = ChargePointConfig(id=CP, configure=False)


class Ear(OcppListener, Listener):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.values: dict[str, Any] = {}
        self.raw: list[RawMessage] = []
        self.saves: list[bool] = []

    async def hear(self, what: str) -> tuple[Any, ...]:
        """Wait for something, and return more about it."""
        async with asyncio.timeout(5):
            while True:
                told, *more = await self.told.get()
                if told == what:
                    return tuple(more)

    @override
    def on_pending(self, pending: PendingChargePoint) -> None:
        self.told.put_nowait(("pending", pending))

    @override
    def on_pending_gone(self, charge_point_id: str) -> None:
        self.told.put_nowait(("gone", charge_point_id))

    @override
    def on_identity(self, charge_point_id: str) -> None:
        self.told.put_nowait(("identity", charge_point_id))

    @override
    def on_availability(self, charge_point_id: str) -> None:
        self.told.put_nowait(("availability", charge_point_id))

    @override
    def on_event(
        self,
        charge_point_id: str,
        connector_id: int,
        kind: EventKind,
        event_type: str,
        attributes: Mapping[str, Any],
    ) -> None:
        self.told.put_nowait((kind, connector_id, event_type, attributes))

    @override
    def on_changed(self, *, urgent: bool) -> None:
        self.saves.append(urgent)

    @override
    def on_reading(self, reading: Any) -> None:
        self.values.update(reading.values)

    @override
    def on_raw_message(self, message: RawMessage) -> None:
        self.raw.append(message)


@asynccontextmanager
async def central_system(
    *configs: ChargePointConfig,
    options: HubOptions | None = None,
    stored: object = None,
    port: int = 0,
) -> AsyncGenerator[tuple[OcppConnector, Ear]]:
    """Run a central system that knows these charge points."""
    connector = OcppConnector(
        "ocpp", ServerOptions(port=port, host="127.0.0.1"), options or HubOptions()
    )
    ear = Ear()
    connector.add_listener(ear)
    connector.restore(stored)
    connector.add_ocpp_listener(ear)
    connector.set_charge_points({it.id: it for it in configs})
    await connector.start()
    try:
        yield connector, ear
    finally:
        await connector.stop()


async def refused(port: int, charge_point_id: str = CP, **how: Any) -> int:
    """Dial in, which must be refused; return the status."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as err:
        async with dial(port, charge_point_id, **how):
            pass
    return err.value.status


async def test_an_unknown_one_is_held_and_goes_live_on_its_socket() -> None:
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        answer = await boot(wallbox, chargePointSerialNumber="S-1")
        assert answer["status"] == "Pending"
        assert answer["interval"] > 0
        (pending,) = await ear.hear("pending")
        assert pending.identity.model == BOOT["chargePointModel"]
        assert pending.identity.serial_number == "S-1"
        assert await error(wallbox, "Heartbeat", {}) == "SecurityError"
        connector.set_charge_points({CP: QUIET})
        assert await ear.hear("gone") == (CP,)
        assert not connector.pending
        await wallbox.wait_for("TriggerMessage")
        assert (await boot(wallbox))["status"] == "Accepted"
        assert connector.is_online(CP)
        await status(wallbox, "Available")


async def test_one_that_does_not_boot_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.pairing._PATIENCE", 0.05
    )
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        call = await wallbox.wait_for("TriggerMessage")
        assert call == {"requestedMessage": "BootNotification"}
        # It cannot do that, and is shown nevertheless.
        (pending,) = await ear.hear("pending")
        assert pending.identity.model == ""


async def test_one_that_says_it_will_boot_and_does_not_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.pairing._PATIENCE", 0.05
    )
    accepted = {"TriggerMessage": {"status": "Accepted"}}
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP, on_call=accepted) as wallbox,
    ):
        await wallbox.wait_for("TriggerMessage")
        (pending,) = await ear.hear("pending")
        assert pending.id == CP
        assert pending.identity.model == ""


async def test_one_that_is_held_may_come_again() -> None:
    """Its former connection is closed, and the one that stays is the one that goes live."""
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP) as former,
    ):
        await boot(former)
        await ear.hear("pending")
        async with dial(connector.port, CP) as wallbox:
            await former.closed()
            await boot(wallbox, chargePointSerialNumber="S-2")
            (pending,) = await ear.hear("pending")
            assert pending.identity.serial_number == "S-2"
            assert list(connector.pending) == [CP]
            connector.set_charge_points({CP: QUIET})
            assert (await boot(wallbox))["status"] == "Accepted"
            assert connector.is_online(CP)


async def test_unknown_ones_are_refused_if_the_user_wants_that() -> None:
    options = HubOptions(unknown=UnknownPolicy.REFUSE)
    async with central_system(QUIET, options=options) as (connector, _):
        assert await refused(connector.port, "CP2") == 404
        async with dial(connector.port, CP) as wallbox:
            assert (await boot(wallbox))["status"] == "Accepted"


async def test_one_that_is_ignored_is_hung_up_on_and_refused_from_then_on() -> None:
    async with central_system() as (connector, ear):
        async with dial(connector.port, CP) as wallbox:
            await boot(wallbox)
            await ear.hear("pending")
            connector.set_options(HubOptions(ignored=frozenset({CP})))
            await wallbox.closed()
        assert await ear.hear("gone") == (CP,)
        assert await refused(connector.port) == 404


async def test_no_more_are_held_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.admission.MAX_PENDING", 1
    )
    async with (
        central_system() as (connector, _),
        dial(connector.port, "CP1") as wallbox,
    ):
        await boot(wallbox)
        assert await refused(connector.port, "CP2") == 503


async def test_a_wrong_password_neither_opens_nor_evicts() -> None:
    config = replace(QUIET, password="right")
    async with (
        central_system(config) as (connector, _),
        dial(connector.port, CP, password="right") as wallbox,
    ):
        assert await refused(connector.port) == 401
        assert await refused(connector.port, password="wrong") == 401
        assert (await boot(wallbox))["status"] == "Accepted"
        assert connector.is_online(CP)


async def test_who_proves_to_be_it_replaces_the_former_connection() -> None:
    config = replace(QUIET, password="right")
    async with (
        central_system(config) as (connector, _),
        dial(connector.port, CP, password="right") as former,
        dial(connector.port, CP, password="right") as wallbox,
    ):
        await former.closed()
        # The late end of the former one changes nothing.
        assert (await boot(wallbox))["status"] == "Accepted"
        assert connector.is_online(CP)


async def test_with_its_password_it_may_come_from_another_address() -> None:
    config = replace(QUIET, password="right")
    async with (
        central_system(config) as (connector, _),
        dial(connector.port, CP, password="right") as former,
    ):
        session = connector.charge_points[CP].session
        assert session is not None
        session.remote = "192.0.2.7"
        async with dial(connector.port, CP, password="right") as wallbox:
            await former.closed()
            assert (await boot(wallbox))["status"] == "Accepted"
            assert connector.is_online(CP)


async def test_without_password_another_address_cannot_evict_a_live_one() -> None:
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        session = connector.charge_points[CP].session
        assert session is not None
        session.remote = "192.0.2.7"
        assert await refused(connector.port) == 403
        assert (await boot(wallbox))["status"] == "Accepted"


async def test_another_password_ends_the_connection() -> None:
    async with central_system(replace(QUIET, password="old")) as (connector, _):
        async with dial(connector.port, CP, password="old") as wallbox:
            await boot(wallbox)
            connector.set_charge_points({CP: replace(QUIET, password="new")})
            await wallbox.closed()
        assert await refused(connector.port, password="old") == 401
        async with dial(connector.port, CP, password="new") as wallbox:
            await boot(wallbox)


async def test_a_quirk_counts_on_the_connection_that_is_open() -> None:
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        session = connector.charge_points[CP].session
        assert session is not None
        usual = session.silence_limit
        patient = replace(QUIET, quirks=frozenset({"no_pong"}))
        connector.set_charge_points({CP: patient})
        assert connector.charge_points[CP].session is session
        assert session.silence_limit > usual
        connector.set_charge_points({CP: QUIET})
        assert session.silence_limit == usual


async def test_a_held_one_must_have_the_password_that_is_set() -> None:
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP, password="mine") as wallbox,
    ):
        await boot(wallbox)
        await ear.hear("pending")
        assert connector.pending[CP].has_password
        assert connector.presents_password(CP, "mine")
        assert not connector.presents_password(CP, "yours")
        connector.set_charge_points({CP: replace(QUIET, password="yours")})
        await wallbox.closed()
        assert not connector.is_online(CP)


async def test_a_removed_one_is_gone_with_all_that_is_known_of_it() -> None:
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        await status(wallbox, "Available")
        assert f"{CP}__1__status" in connector.datapoints
        connector.set_charge_points({})
        await wallbox.closed()
        assert not connector.datapoints
        assert CP not in connector.snapshot()["charge_points"]


async def test_what_is_known_survives_a_restart() -> None:
    async with central_system(QUIET) as (connector, _):
        async with dial(connector.port, CP) as wallbox:
            await boot(wallbox, firmwareVersion="1.2")
            await status(wallbox, "Charging")
            answer = await start(wallbox, meter_start=5000)
            await meter(wallbox, sampled(5400), transactionId=answer["transactionId"])
        stored = connector.snapshot()
    async with central_system(QUIET, stored=stored) as (connector, ear):
        assert connector.charge_points[CP].identity.firmware_version == "1.2"
        assert ear.values[f"{CP}__1__session_energy"] == 0.4
        assert ear.values[f"{CP}__1__status"] == "charging"
        assert ear.values[f"{CP}__0__connected"] is False
        async with dial(connector.port, CP) as wallbox:
            again = await start(wallbox, "OTHER", connector_id=2)
            assert again["transactionId"] > answer["transactionId"]


async def test_sessions_of_one_that_was_removed_meanwhile_are_forgotten() -> None:
    async with central_system(QUIET, replace(QUIET, id="CP2")) as (connector, _):
        for charge_point_id in (CP, "CP2"):
            async with dial(connector.port, charge_point_id) as wallbox:
                await start(wallbox)
        stored = connector.snapshot()
    async with central_system(QUIET, stored=stored) as (connector, _):
        kept = connector.snapshot()["book"]["transactions"]
        assert [it["charge_point_id"] for it in kept] == [CP]


async def test_a_listener_that_fails_is_no_trouble_of_the_charge_point() -> None:
    class Broken(OcppListener):
        @override
        def on_identity(self, charge_point_id: str) -> None:
            raise ZeroDivisionError

    async with central_system(QUIET) as (connector, ear):
        remove = connector.add_ocpp_listener(Broken())
        async with dial(connector.port, CP) as wallbox:
            assert (await boot(wallbox))["status"] == "Accepted"
            assert await ear.hear("identity") == (CP,)
            assert connector.statistics.listener_errors == 1
            remove()
            answer = await boot(wallbox, firmwareVersion="2")
            assert answer["status"] == "Accepted"
            assert connector.statistics.listener_errors == 1


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"charge_points": []},
        {"charge_points": {CP: []}},
        {"charge_points": {CP: {"connectors": {"x": 1, "1": [], "99": {}}}}},
        {"book": 5, "charge_points": {CP: {"identity": {"vendor": 5}}}},
    ],
)
async def test_a_broken_store_is_an_empty_one(stored: object) -> None:
    async with (
        central_system(QUIET, stored=stored) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        assert (await boot(wallbox))["status"] == "Accepted"


async def test_the_port_is_busy() -> None:
    async with central_system() as (connector, _):
        with pytest.raises(LinkError) as err:
            async with central_system(port=connector.port):
                pass
        assert err.value.reason == "address_in_use"


async def test_messages_are_told_as_they_came() -> None:
    async with (
        central_system(QUIET) as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        assert ear.raw[0].payload == {"BootNotification": BOOT}
        assert connector.statistics.messages == 1


async def test_security_events_are_told_known_or_not() -> None:
    async with (
        central_system(QUIET) as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        for said, expected in (
            ("InvalidTLSVersion", "invalid_tls_version"),
            ("SomethingNew", "other"),
        ):
            payload = {"type": said, "timestamp": ago()}
            assert await result(wallbox, "SecurityEventNotification", payload) == {}
            _, event_type, attributes = await ear.hear(EventKind.SECURITY)
            assert event_type == expected
            assert attributes["event"] == said


async def test_tags_of_the_user_decide() -> None:
    async with (
        central_system(QUIET) as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        connector.set_id_tags([IdTag(tag="ABCD1234", name="Anna", blocked=True)])
        answer = await result(wallbox, "Authorize", {"idTag": "abcd1234"})
        assert answer == {"idTagInfo": {"status": "Blocked"}}
        _, event_type, attributes = await ear.hear(EventKind.ID_TAG)
        assert event_type == "blocked"
        assert attributes == {"id_tag": "…1234", "name": "Anna", "known": True}


async def test_a_charge_point_has_no_more_datapoints_than_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.charge_point.MAX_DATAPOINTS", 20
    )
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        phases = ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N", "N")
        for measurand in ("Voltage", "Current.Import", "Power.Active.Import"):
            values = [sampled(1, measurand, phase=phase) for phase in phases]
            await meter(wallbox, *values)
        keys = [it for it in connector.datapoints if it.startswith(CP)]
        assert 8 < len(keys) <= 20
        assert connector.charge_points[CP].leniencies.counts
