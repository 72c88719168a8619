"""Look at a mirrored hub as BEMCom does, and give it commands.

Run it beside the demo: `python -m demo.bemcom_api watch`, `… list`, or `… send KEY VALUE`.
"""

import argparse
import asyncio
import json
import sys
from typing import Any

from demo.bemcom import DEFAULT_PORT, BemcomApi
from demo.hubs import OCPP
from demo.meter import on_stop_signal

_CONNECT_WITHIN = 3.0


def value_of(text: str) -> Any:
    """Return what is typed: JSON, or else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


async def watch(options: argparse.Namespace) -> int:
    """Print what the connector tells, until told to stop."""

    def show(topic: str, message: Any) -> None:
        key = keys.get(topic) or ""
        if topic.endswith("/datapoint_map"):
            keys.update({it: name for name, it in message["sensor"].items()})
            keys.update(message["actuator"])
        print(f"{topic}  {key}{': ' if key else ''}{json.dumps(message)}", flush=True)

    keys: dict[str, str] = {}
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    async with BemcomApi(
        options.connector, port=options.port, serves=False, on_message=show
    ):
        await stop.wait()
    return 0


async def serve(options: argparse.Namespace) -> int:
    """Be the API, until told to stop."""
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    async with BemcomApi(options.connector, port=options.port):
        await stop.wait()
    return 0


async def show_list(options: argparse.Namespace) -> int:
    """Print the datapoints that have a topic."""
    async with BemcomApi(options.connector, port=options.port, serves=False) as api:
        if not await _has_map(api):
            return 1
        for key, topic in api.map["sensor"].items():
            print(f"sensor    {topic}  {key}")
        for topic, key in api.map["actuator"].items():
            print(f"actuator  {topic}  {key}")
    return 0


async def send(options: argparse.Namespace) -> int:
    """Give a command, and print what came of it."""
    async with BemcomApi(options.connector, port=options.port, serves=False) as api:
        if not await _has_map(api):
            return 1
        try:
            line = await api.command(options.key, value_of(options.value))
        except KeyError:
            print(f"{options.key} is no actuator of the map", file=sys.stderr)
            return 1
        except TimeoutError:
            print("Nothing was said about it", file=sys.stderr)
            return 1
    print(line["msg"])
    return 0 if line["level"] < 40 else 1


async def _has_map(api: BemcomApi) -> bool:
    """Wait for the map, and say when there is none."""
    try:
        await api.wait(
            lambda: api.is_listening and any(api.map.values()), _CONNECT_WITHIN
        )
    except TimeoutError:
        print(
            f"Nobody has published a map for {api.connector} on port {api.port}",
            file=sys.stderr,
        )
        return False
    return True


def parse_arguments() -> argparse.Namespace:
    """Return what is to be done."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.bemcom_api", description=__doc__
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"of the broker ({DEFAULT_PORT})"
    )
    parser.add_argument("--connector", default=OCPP, help=f"its name ({OCPP})")
    commands = parser.add_subparsers(required=True, metavar="watch|list|send|serve")
    for name, action, text in (
        ("watch", watch, "print what comes"),
        ("list", show_list, "print which datapoints there are, and their topics"),
        ("send", send, "give a command, and print its outcome"),
        ("serve", serve, "be the API: announce topics for all datapoints"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(action=action)
        if action is send:
            command.add_argument("key")
            command.add_argument("value", help="JSON, or a text")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    sys.exit(asyncio.run(arguments.action(arguments)))
