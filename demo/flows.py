"""Flows of Home Assistant, driven as the dialog in the browser drives them."""

from typing import Any, Self

from demo.home_assistant import (
    INTEGRATION,
    HomeAssistantApi,
    HomeAssistantError,
    wait_until,
)


class ConfigFlow:
    """A config flow, driven as the dialog in the browser drives it."""

    path = "/api/config/config_entries/flow"

    def __init__(self, api: HomeAssistantApi, step: dict[str, Any]) -> None:
        """Keep the step that was reached."""
        self.api = api
        self.step = step

    @classmethod
    async def start(cls, api: HomeAssistantApi, domain: str = INTEGRATION) -> Self:
        """Begin to set up an integration."""
        return cls(api, await api.request("POST", cls.path, {"handler": domain}))

    @property
    def at(self) -> str:
        """Return the name of the step, or what kind of end was reached."""
        return str(self.step.get("step_id") or self.step["type"])

    async def submit(self, within: float = 60, **answers: Any) -> Self:
        """Fill in the form, and return once there is something to do again."""
        address = f"{self.path}/{self.step['flow_id']}"
        self.step = await self.api.request("POST", address, answers)

        async def settled() -> bool:
            if self.step["type"] in ("progress", "progress_done"):
                self.step = await self.api.request("GET", address)
            return self.step["type"] not in ("progress", "progress_done")

        await wait_until(settled, f"step {self.at} to finish", within)
        if errors := self.step.get("errors"):
            raise HomeAssistantError(f"Step {self.at}: {errors}")
        return self

    async def choose(self, option: str, within: float = 60) -> Self:
        """Choose from the menu."""
        return await self.submit(within, next_step_id=option)


class SubentryFlow(ConfigFlow):
    """A flow that adds something to a config entry."""

    path = "/api/config/config_entries/subentries/flow"

    @classmethod
    async def begin(cls, api: HomeAssistantApi, entry_id: str, kind: str) -> Self:
        """Begin to add something of a kind to an entry."""
        answers = {"handler": [entry_id, kind]}
        return cls(api, await api.request("POST", cls.path, answers))


class OptionsFlow(ConfigFlow):
    """A flow that changes the options of a config entry."""

    path = "/api/config/config_entries/options/flow"

    @classmethod
    async def open(cls, api: HomeAssistantApi, entry_id: str) -> Self:
        """Open the menu of an entry's options."""
        return cls(api, await api.request("POST", cls.path, {"handler": entry_id}))

    def suggested(self, name: str) -> Any:
        """Return what a field of the form shows at first."""
        field = next(it for it in self.step["data_schema"] if it["name"] == name)
        return field.get("description", {}).get("suggested_value")

    async def abort(self) -> None:
        """Close the dialog."""
        await self.api.request("DELETE", f"{self.path}/{self.step['flow_id']}")
