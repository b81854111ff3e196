"""Kept parts: finished HTML that many people see alike, kept in this process for half a minute.

What is kept is found by a key that holds everything the part depends on - language, level, filters, and a mark of the
data itself - so that a change shows at once; the half minute is for what only time changes, such as a sale that ends.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar

from flask import current_app

T = TypeVar("T")

LASTS = timedelta(seconds=30)
MOST = 512


class Shelf:
    """What one app keeps, the longest unused thrown out first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._parts: OrderedDict[Hashable, tuple[datetime, object]] = OrderedDict()

    def get(self, key: Hashable, at: datetime) -> object | None:
        """Return what is kept under a key and still fresh at an instant."""
        with self._lock:
            found = self._parts.get(key)
            if found is None or not found[0] <= at < found[0] + LASTS:
                return None
            self._parts.move_to_end(key)
            return found[1]

    def put(self, key: Hashable, part: object, at: datetime) -> None:
        """Keep a part under a key."""
        with self._lock:
            self._parts[key] = (at, part)
            self._parts.move_to_end(key)
            while len(self._parts) > MOST:
                self._parts.popitem(last=False)


def kept(key: Hashable, make: Callable[[], T], *, at: datetime) -> T:
    """Return what is kept under a key, or make it and keep it. What raises is not kept."""
    shelf: Shelf = current_app.extensions.setdefault("kept", Shelf())
    part = shelf.get(key, at)
    if part is None:
        part = make()
        shelf.put(key, part, at)
    return part  # type: ignore[return-value]
