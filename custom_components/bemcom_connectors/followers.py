"""Entities that show the datapoints of others beside their own, as attributes."""

from collections.abc import Callable

from homeassistant.core import CALLBACK_TYPE, callback

from .connector.model import Reading


class Followers:
    """Who wants to hear of a datapoint that another entity shows."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._updates: dict[str, list[CALLBACK_TYPE]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anybody at all."""
        return bool(self._updates)

    @callback
    def async_follow(self, key: str, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` with every value of a datapoint; return how to end it."""
        updates = self._updates.setdefault(key, [])
        updates.append(update)

        @callback
        def unfollow() -> None:
            updates.remove(update)
            if not updates:
                self._updates.pop(key, None)

        return unfollow

    @callback
    def async_tell(
        self, reading: Reading, report: Callable[[str, CALLBACK_TYPE], None]
    ) -> None:
        """Have `report` call those who follow a datapoint of the reading."""
        for key in reading.values.keys() & self._updates.keys():
            for update in tuple(self._updates[key]):
                report(key, update)
