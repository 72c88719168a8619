"""Stories of a stack, with a broker that is none and with a real one."""

from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from tests.bemcom.mosquitto import PROGRAM, Mosquitto
from tests.bemcom.real_stack import play_for_real
from tests.bemcom.stack import play as play_without_broker


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mosquitto]:
    """Return one broker for all tests of a module; the first of them starts it."""
    mosquitto = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield mosquitto
    mosquitto.end()


@pytest.fixture(params=["fake", "real"])
def play(request: pytest.FixtureRequest) -> Any:
    """Return what runs a story."""
    if request.param == "fake":
        return play_without_broker
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed")
    request.getfixturevalue("loopback")
    return partial(play_for_real, request.getfixturevalue("server"))
