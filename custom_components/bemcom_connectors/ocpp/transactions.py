"""All transactions of a hub: those that run, and the last ones that are over."""

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Self

from .transaction import Transaction

__all__ = ["Transaction", "TransactionBook"]

# So many finished ones are kept of each charge point.
MAX_FINISHED = 100
# Ids count seconds from here, so that a new book never gives an old book's ids again.
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
# So many are given away before their end must be stored again.
_BLOCK = 100
# What every charge point can hold.
_MAX_OWN_ID = 2**31 - 1
# What a charge point says whose transaction has no id yet.
_NO_IDS = frozenset({0, -1})
# Of a stored text, or one that a charge point made up.
_MAX_TAG = 255


class _Shelf:
    """The transactions of one charge point, by their ids."""

    __slots__ = ("finished", "open")

    def __init__(self) -> None:
        self.open: dict[int, Transaction] = {}
        self.finished: dict[int, Transaction] = {}

    def finish(self, transaction: Transaction) -> None:
        """Put one that is over with the others."""
        self.open.pop(transaction.id, None)
        self.finished[transaction.id] = transaction
        if len(self.finished) > MAX_FINISHED:
            del self.finished[next(iter(self.finished))]


class TransactionBook:
    """The transactions of all charge points of a hub."""

    def __init__(self) -> None:
        self._shelves: dict[str, _Shelf] = {}
        # The next id to give, and up to which one that need not be stored first.
        self._next = 0
        self._reserved = 0
        self._restored = True
        # Whether something is not stored yet that a restart must not lose.
        self.needs_saving = False

    def start(  # noqa: PLR0917
        self,
        charge_point_id: str,
        connector_id: int,
        id_tag: str,
        started: float | None,
        meter_start: float | None,
        now: float,
        *,
        before: float | None = None,
    ) -> tuple[Transaction, bool]:
        """Return the transaction of a StartTransaction, and whether it is a new one.

        `started` is the time as the charge point said it: it is what tells a retry from
        another session. `before` is what the register showed last, if that is known. One
        that still runs on the connector is over: its end was lost.
        """
        id_tag = id_tag[:_MAX_TAG]
        shelf = self._shelves.setdefault(charge_point_id, _Shelf())
        transaction = Transaction.begin(
            charge_point_id,
            connector_id,
            id_tag=id_tag,
            said_start=started,
            meter_start=meter_start,
            now=now,
        )
        # A clock that was never set says the same times again and again.
        known = (
            chain(shelf.open.values(), shelf.finished.values())
            if transaction.said_start == transaction.started
            else shelf.open.values()
        )
        for other in known:
            if transaction.is_retry_of(other):
                return other, False

        if (lost := self.open_of(charge_point_id, connector_id)) is not None:
            lost.lose(transaction.started)
            shelf.finish(lost)
        transaction.id = self._take_id(now)
        transaction.before = before
        shelf.open[transaction.id] = transaction
        self.needs_saving = True
        return transaction, True

    def adopt(
        self, charge_point_id: str, connector_id: int, transaction_id: int, now: float
    ) -> Transaction | None:
        """Return a new transaction with an id that we did not give, None if there is none.

        There is none while another one runs on the connector, or if that id is known.
        """
        if (
            transaction_id in _NO_IDS
            or self.by_id(charge_point_id, transaction_id) is not None
            or self.open_of(charge_point_id, connector_id) is not None
        ):
            return None
        transaction = Transaction(
            id=transaction_id,
            charge_point_id=charge_point_id,
            connector_id=connector_id,
            started=now,
            foreign=True,
        )
        shelf = self._shelves.setdefault(charge_point_id, _Shelf())
        shelf.open[transaction_id] = transaction
        self.needs_saving = True
        return transaction

    def stop(
        self,
        charge_point_id: str,
        transaction_id: int,
        ended: float | None,
        meter_stop: float | None,
        reason: str | None,
        *,
        now: float | None = None,
        registers: Sequence[tuple[float | None, str, float]] = (),
    ) -> Transaction | None:
        """Return the transaction of a StopTransaction, finished; None if nobody knows it.

        `ended` is the time as the charge point said it, `registers` are those of its
        transactionData. One that is finished already is returned as it is. Without `now`
        the time that was said is believed.
        """
        transaction = self.by_id(charge_point_id, transaction_id)
        if transaction is None or (
            transaction.ended is not None and not transaction.lost
        ):
            return transaction
        if now is None:
            now = transaction.started if ended is None else ended
        transaction.finish(ended, meter_stop, reason, now=now, registers=registers)
        self._shelves[charge_point_id].finish(transaction)
        self.needs_saving = True
        return transaction

    def lose(self, transaction: Transaction, at: float) -> None:
        """Take a transaction for over that nobody ended, as it was when last heard of."""
        transaction.lose(at)
        self._shelves[transaction.charge_point_id].finish(transaction)
        self.needs_saving = True

    def open_of(self, charge_point_id: str, connector_id: int) -> Transaction | None:
        """Return the transaction that runs on a connector."""
        if (shelf := self._shelves.get(charge_point_id)) is None:
            return None
        for transaction in shelf.open.values():
            if transaction.connector_id == connector_id:
                return transaction
        return None

    def by_id(self, charge_point_id: str, transaction_id: int) -> Transaction | None:
        """Return a transaction of a charge point, whether it runs or is finished."""
        if (shelf := self._shelves.get(charge_point_id)) is None:
            return None
        return shelf.open.get(transaction_id) or shelf.finished.get(transaction_id)

    def finished(self, charge_point_id: str) -> list[Transaction]:
        """Return the finished transactions of a charge point, the latest first."""
        if (shelf := self._shelves.get(charge_point_id)) is None:
            return []
        return sorted(shelf.finished.values(), key=lambda it: it.started, reverse=True)

    def keep(self, charge_point_ids: Container[str]) -> None:
        """Forget all charge points but these: others were removed meanwhile."""
        for gone in [it for it in self._shelves if it not in charge_point_ids]:
            self.drop(gone)

    def drop(self, charge_point_id: str) -> None:
        """Forget a charge point that was removed."""
        self._shelves.pop(charge_point_id, None)

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "next_id": self._reserved,
            "transactions": [
                transaction.to_dict()
                for shelf in self._shelves.values()
                for transaction in (*shelf.finished.values(), *shelf.open.values())
            ],
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Return the book that was kept, as far as there is sense in it."""
        book = cls()
        if not isinstance(data, Mapping):
            return book
        next_id = data.get("next_id")
        if type(next_id) is int and 0 < next_id <= _MAX_OWN_ID:
            book._next = book._reserved = next_id
        stored = data.get("transactions")
        for it in stored if isinstance(stored, list) else ():
            if (transaction := Transaction.from_dict(it)) is None:
                continue
            shelf = book._shelves.setdefault(transaction.charge_point_id, _Shelf())
            if transaction.ended is not None:
                shelf.finish(transaction)
            elif book.open_of(transaction.charge_point_id, transaction.connector_id):
                continue
            else:
                shelf.open[transaction.id] = transaction
        return book

    def _take_id(self, now: float) -> int:
        """Return an id that no transaction has or had, whatever was lost of the book."""
        if self._restored:
            # A backup may be older than the ids that were given since.
            self._next = max(self._next, int(now - _FIRST_DAY), 1)
            self._reserved = 0
            self._restored = False
        taken = {
            it
            for shelf in self._shelves.values()
            for it in chain(shelf.open, shelf.finished)
        }
        while self._next in taken or self._next > _MAX_OWN_ID:
            self._next = self._next + 1 if self._next < _MAX_OWN_ID else 1
        taken_id = self._next
        self._next += 1
        if self._next > self._reserved:
            self._reserved = min(self._next + _BLOCK, _MAX_OWN_ID)
            self.needs_saving = True
        return taken_id
