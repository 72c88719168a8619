"""What the simulated wallbox does when the central system asks."""

from collections.abc import Callable
import time
from typing import Any, Protocol

from demo.charge_point_link import NotImplementedHereError, Payload
from demo.charge_point_settings import Settings
from demo.charging import Socket
from demo.charging_profiles import ChargingProfiles, moment_of


class Wallbox(Protocol):
    """What the commands need of the charge point."""

    settings: Settings
    profiles: ChargingProfiles
    sockets: dict[int, Socket]

    def boot_again(self) -> None:
        """Say again who it is."""

    def report(self, connector_id: int, *, changed_only: bool = True) -> None:
        """Send a connector's status; 0 is the charge point's own."""

    def sample(self, connector_id: int, context: str) -> None:
        """Send what a connector's meter shows."""

    def notify(self, action: str, payload: Payload) -> None:
        """Send something."""

    def set_operative(self, connector_id: int, *, operative: bool) -> None:
        """Take a connector in or out of service."""

    def let_in(
        self, connector_id: int, id_tag: str, profile: Payload | None = None
    ) -> None:
        """Begin a session from afar."""

    def stop_transaction(self, connector_id: int, reason: str) -> None:
        """End a session."""

    def restart(self, kind: str) -> None:
        """Reboot."""


class Commands:
    """Answers, by the action that is asked for."""

    def __init__(self, wallbox: Wallbox) -> None:
        """Serve a wallbox."""
        self._wallbox = wallbox
        self._answers: dict[str, Callable[[Payload], Payload]] = {
            "CancelReservation": lambda _: {"status": "Rejected"},
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": lambda _: {"status": "Accepted"},
            "ClearChargingProfile": self._clear_charging_profile,
            "DataTransfer": self._data_transfer,
            "GetCompositeSchedule": self._get_composite_schedule,
            "GetConfiguration": lambda it: wallbox.settings.read(it.get("key")),
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "Reset": self._reset,
            "SetChargingProfile": self._set_charging_profile,
            "TriggerMessage": self._trigger_message,
            "UnlockConnector": self._unlock_connector,
        }

    def answer(self, action: str, payload: Payload) -> Payload:
        """Do what is asked, and return what to say to it."""
        if (answer := self._answers.get(action)) is None:
            raise NotImplementedHereError(action)
        return answer(payload)

    def _change_configuration(self, request: Payload) -> Payload:
        status = self._wallbox.settings.write(request["key"], request["value"])
        return {"status": status}

    def _change_availability(self, request: Payload) -> Payload:
        connector_id = request["connectorId"]
        sockets = self._wallbox.sockets
        if connector_id and connector_id not in sockets:
            return {"status": "Rejected"}
        meant = [sockets[connector_id]] if connector_id else list(sockets.values())
        operative = request["type"] == "Operative"
        self._wallbox.set_operative(connector_id, operative=operative)
        later = not operative and any(it.transaction is not None for it in meant)
        return {"status": "Scheduled" if later else "Accepted"}

    def _data_transfer(self, request: Payload) -> Payload:
        if request["vendorId"] != "bemcom":
            return {"status": "UnknownVendorId"}
        if request.get("messageId", "echo") != "echo":
            return {"status": "UnknownMessageId"}
        return {"status": "Accepted", "data": request.get("data", "")}

    def _remote_start(self, request: Payload) -> Payload:
        socket = self._socket_for(request.get("connectorId"))
        if socket is None:
            return {"status": "Rejected"}
        profile = request.get("chargingProfile")
        self._wallbox.let_in(socket.number, request["idTag"], profile)
        return {"status": "Accepted"}

    def _socket_for(self, connector_id: int | None) -> Socket | None:
        """Return where a session from afar can begin; best where a car is waiting."""
        free = [
            socket
            for socket in self._wallbox.sockets.values()
            if socket.status in ("Available", "Preparing", "Finishing")
            and connector_id in (None, socket.number)
        ]
        return max(free, key=lambda it: it.car is not None, default=None)

    def _remote_stop(self, request: Payload) -> Payload:
        for socket in self._wallbox.sockets.values():
            transaction = socket.transaction
            if transaction is not None and transaction.id == request["transactionId"]:
                self._wallbox.stop_transaction(socket.number, "Remote")
                return {"status": "Accepted"}
        return {"status": "Rejected"}

    def _reset(self, request: Payload) -> Payload:
        self._wallbox.restart(request["type"])
        return {"status": "Accepted"}

    def _unlock_connector(self, request: Payload) -> Payload:
        socket = self._wallbox.sockets.get(request["connectorId"])
        if socket is None:
            return {"status": "NotSupported"}
        if socket.transaction is not None:
            self._wallbox.stop_transaction(socket.number, "UnlockCommand")
        return {"status": "Unlocked"}

    def _set_charging_profile(self, request: Payload) -> Payload:
        connector_id = request["connectorId"]
        sockets = self._wallbox.sockets
        if connector_id and connector_id not in sockets:
            return {"status": "Rejected"}
        transaction = sockets[connector_id].transaction if connector_id else None
        known_as = None if transaction is None else transaction.id
        profile = request["csChargingProfiles"]
        return {"status": self._wallbox.profiles.set(connector_id, profile, known_as)}

    def _clear_charging_profile(self, request: Payload) -> Payload:
        return {"status": self._wallbox.profiles.clear(request)}

    def _get_composite_schedule(self, request: Payload) -> Payload:
        connector_id, duration = request["connectorId"], request["duration"]
        socket = self._wallbox.sockets.get(connector_id)
        if connector_id and socket is None:
            return {"status": "Rejected"}
        now = time.time()
        transaction = None if socket is None else socket.transaction
        started = now if transaction is None else transaction.started
        periods = self._wallbox.profiles.composite(connector_id, now, duration, started)
        unit = request.get("chargingRateUnit", "A")
        if unit == "W":
            for period in periods:
                period["limit"] = round(period["limit"] * 230 * 3, 1)
        schedule: dict[str, Any] = {
            "duration": duration,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        }
        return {
            "status": "Accepted",
            "connectorId": connector_id,
            "scheduleStart": moment_of(now),
            "chargingSchedule": schedule,
        }

    def _trigger_message(self, request: Payload) -> Payload:
        wallbox = self._wallbox
        connector_id = request.get("connectorId")
        if connector_id is not None and connector_id not in wallbox.sockets:
            return {"status": "Rejected"}
        match request["requestedMessage"]:
            case "BootNotification":
                wallbox.boot_again()
            case "Heartbeat":
                wallbox.notify("Heartbeat", {})
            case "StatusNotification":
                for number in (
                    [0, *wallbox.sockets] if connector_id is None else [connector_id]
                ):
                    wallbox.report(number, changed_only=False)
            case "MeterValues":
                for number in (
                    wallbox.sockets if connector_id is None else [connector_id]
                ):
                    wallbox.sample(number, "Trigger")
            case _:
                return {"status": "NotImplemented"}
        return {"status": "Accepted"}
