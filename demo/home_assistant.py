"""Home Assistant from outside: its process, and what it offers over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
import json
import os
from pathlib import Path
import socket
import sys
import time
from typing import Any, Self

import aiohttp

REPOSITORY = Path(__file__).parent.parent
INTEGRATION = "bemcom_connectors"

# Home Assistant ends with this code when it wants to be started again.
RESTART_EXIT_CODE = 100

CONFIGURATION = f"""\
# Written by scripts/demo; changes are kept.
frontend:
config:
history:
logbook:
energy:
logger:
  default: warning
  logs:
    custom_components.{INTEGRATION}: info
"""


class HomeAssistantError(Exception):
    """Home Assistant did not do what it was asked; the text says why."""


async def wait_until[T](
    probe: Callable[[], Awaitable[T]], what: str, within: float
) -> T:
    """Return the probe's first result that is true, or fail saying `what` was missing."""
    deadline = time.monotonic() + within
    while not (result := await probe()):
        if time.monotonic() > deadline:
            raise HomeAssistantError(f"Waited {within:.0f} s in vain for {what}")
        await asyncio.sleep(0.2)
    return result


class HomeAssistantProcess:
    """A Home Assistant of this virtual environment, with its own configuration folder."""

    def __init__(self, config_dir: Path, port: int = 8123) -> None:
        """Remember where its files are and where it listens."""
        self.config_dir = config_dir.absolute()
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.output_path = self.config_dir / "output.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Return the id of the process that runs."""
        if self._process is None:
            raise HomeAssistantError("Home Assistant was not started")
        return self._process.pid

    def prepare(self) -> None:
        """Write the configuration of a first start, with the integration linked into it."""
        components = self.config_dir / "custom_components"
        components.mkdir(parents=True, exist_ok=True)
        link = components / INTEGRATION
        if link.is_symlink():
            link.unlink()
        link.symlink_to(REPOSITORY / "custom_components" / INTEGRATION)

        configuration = self.config_dir / "configuration.yaml"
        if not configuration.exists():
            configuration.write_text(CONFIGURATION)

        storage = self.config_dir / ".storage"
        storage.mkdir(exist_ok=True)
        # The password is no secret: listen on this machine only, from the first moment on.
        # (`http:` in the YAML file is deprecated, and on trial for five minutes.)
        server = {
            "server_host": ["127.0.0.1"],
            "server_port": self.port,
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "intermediate_v6",
            "use_x_frame_options": True,
            "created_at": "2026-11-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        }
        self._write_storage(
            storage / "http",
            version=3,
            data={"stable": server, "pending": None, "yaml_migration_done": True},
        )
        # Only the user is left to create: the other steps would set up a weather service,
        # text to speech and radio stations from the internet.
        if not (storage / "onboarding").exists():
            done = ["core_config", "analytics", "integration"]
            self._write_storage(storage / "onboarding", version=4, data={"done": done})

    @staticmethod
    def _write_storage(path: Path, *, version: int, data: Mapping[str, Any]) -> None:
        content = {"version": version, "minor_version": 1, "key": path.name}
        path.write_text(json.dumps({**content, "data": data}, indent=2))

    async def start(self, within: float = 600) -> None:
        """Start, and return once it answers."""
        self._raise_if_port_taken()
        # Without a path to this checkout: it would hide the folder with the link to it.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONPATH", None)
        # A new file: whoever reads that of the last start reads it to its end.
        self.output_path.unlink(missing_ok=True)
        # In a session of its own, so that Ctrl-C reaches it through `stop` only.
        with self.output_path.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                Path(sys.executable).with_name("hass"),
                "--config",
                self.config_dir,
                "--log-no-color",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.config_dir,
                start_new_session=True,
            )
        async with aiohttp.ClientSession() as session:

            async def answers() -> bool:
                self._raise_if_ended()
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(
                        f"{self.url}/manifest.json",
                        timeout=aiohttp.ClientTimeout(total=5),
                    ) as response:
                        return response.ok
                return False

            try:
                await wait_until(answers, "Home Assistant's web server", within)
            except BaseException:
                await self.stop()
                raise

    def _raise_if_port_taken(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise HomeAssistantError(
                    f"Port {self.port} is in use (by another Home Assistant?): "
                    "choose another one with --port"
                ) from None

    def _raise_if_ended(self) -> None:
        if self._process is None or self._process.returncode is not None:
            code = None if self._process is None else self._process.returncode
            tail = "\n".join(self.read_output().splitlines()[-30:])
            raise HomeAssistantError(f"Home Assistant ended with code {code}:\n{tail}")

    async def wait(self) -> int:
        """Return its exit code once it has ended by itself."""
        if self._process is None:
            raise HomeAssistantError("Home Assistant was not started")
        return await self._process.wait()

    async def stop(self, within: float = 120) -> int:
        """Ask it to end, wait until it has, and return its exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), within)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
                raise HomeAssistantError(
                    f"Home Assistant did not end within {within:.0f} s"
                ) from None
        code = await self._process.wait()
        self._process = None
        return code

    def read_output(self) -> str:
        """Return all it has written: its log, and what its threads say at the end."""
        return self.output_path.read_text(errors="replace")


class HomeAssistantApi:
    """What a browser can ask of Home Assistant."""

    def __init__(self, url: str) -> None:
        """Remember the address; `async with` opens and closes the connection."""
        self.url = url
        self.client_id = f"{url}/"
        self.tokens: dict[str, Any] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._session = aiohttp.ClientSession(self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """Return the open HTTP session."""
        if self._session is None:
            raise HomeAssistantError("Use `async with HomeAssistantApi(...)`")
        return self._session

    async def request(
        self, method: str, path: str, json_data: Any = None, **kwargs: Any
    ) -> Any:
        """Return the JSON answer to a request, or raise with what it says instead."""
        headers = {}
        if token := self.tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        async with self.session.request(
            method, path, json=json_data, headers=headers, **kwargs
        ) as response:
            text = await response.text()
            if not response.ok:
                raise HomeAssistantError(f"{method} {path}: {response.status} {text}")
            return json.loads(text)

    async def sign_in(self, username: str, password: str, name: str = "Demo") -> None:
        """Log in, after creating the first user if there is none yet."""
        if await self._user_exists():
            code = await self._login_code(username, password)
        else:
            answer = await self.request(
                "POST",
                "/api/onboarding/users",
                {
                    "client_id": self.client_id,
                    "name": name,
                    "username": username,
                    "password": password,
                    "language": "en",
                },
            )
            code = answer["auth_code"]
        self.tokens = await self.request(
            "POST",
            "/auth/token",
            data={
                "client_id": self.client_id,
                "grant_type": "authorization_code",
                "code": code,
            },
        )

    async def _user_exists(self) -> bool:
        # The address exists as long as a step of the onboarding is left.
        async with self.session.get("/api/onboarding") as response:
            if response.status == 404:
                return True
            response.raise_for_status()
            steps = await response.json()
        return any(step["step"] == "user" and step["done"] for step in steps)

    async def _login_code(self, username: str, password: str) -> str:
        flow = await self.request(
            "POST",
            "/auth/login_flow",
            {
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        result = await self.request(
            "POST",
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": self.client_id, "username": username, "password": password},
        )
        if result["type"] != "create_entry":
            raise HomeAssistantError(f"Login failed: {result.get('errors')}")
        return str(result["result"])

    async def wait_running(self, within: float = 600) -> None:
        """Return once Home Assistant has started everything."""

        async def running() -> bool:
            return bool(
                (await self.request("GET", "/api/config"))["state"] == "RUNNING"
            )

        await wait_until(running, "Home Assistant to finish its start", within)

    async def state(self, entity_id: str) -> str:
        """Return an entity's state."""
        return str((await self.request("GET", f"/api/states/{entity_id}"))["state"])

    async def states(self) -> dict[str, dict[str, Any]]:
        """Return all entities' states by their ids."""
        states = await self.request("GET", "/api/states")
        return {state["entity_id"]: state for state in states}

    @asynccontextmanager
    async def websocket(self) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """Open a websocket that is logged in."""
        async with self.session.ws_connect("/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json(
                {"type": "auth", "access_token": self.tokens["access_token"]}
            )
            answer = await socket.receive_json()
            if answer["type"] != "auth_ok":
                raise HomeAssistantError(f"Websocket: {answer}")
            yield socket

    async def command(self, command: str, **arguments: Any) -> Any:
        """Return the result of a websocket command."""
        async with self.websocket() as socket:
            await socket.send_json({"id": 1, "type": command, **arguments})
            while (answer := await socket.receive_json())["type"] != "result":
                pass
        if not answer["success"]:
            raise HomeAssistantError(f"{command}: {answer['error']['message']}")
        return answer["result"]

    async def act(self, action: str, *, target: str | None = None, **data: Any) -> None:
        """Carry out an action, for an entity if there is a target."""
        await self._act(action, data, target={"entity_id": target} if target else {})

    async def ask(self, action: str, **data: Any) -> Any:
        """Carry out an action and return its response."""
        return (await self._act(action, data, return_response=True))["response"]

    async def _act(self, action: str, data: Mapping[str, Any], **arguments: Any) -> Any:
        domain, service = action.split(".")
        return await self.command(
            "call_service",
            domain=domain,
            service=service,
            service_data=data,
            **arguments,
        )

    async def config_entries(self) -> list[dict[str, Any]]:
        """Return the integration's config entries."""
        return list(await self.command("config_entries/get", domain=INTEGRATION))

    async def entities(self, entry_id: str) -> list[dict[str, Any]]:
        """Return the registry's entities of a config entry."""
        entities = await self.command("config/entity_registry/list")
        return [entity for entity in entities if entity["config_entry_id"] == entry_id]
