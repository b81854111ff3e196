"""Many: how a job goes through all members or rows, in shares or one by one, and by which programme."""

from collections.abc import Callable, Sequence
from datetime import datetime

from mall.base.db import again, reading, transaction
from mall.domain import notices, programme
from mall.web.shared.logs import log


def terms_at(at: datetime) -> programme.Programme:
    """Return the programme in force."""
    with reading():
        return programme.current(at)


def insist(tally: notices.Tally) -> None:
    """Have the job tried again later when some of its rows were put off. Raises SomePutOff."""
    if tally.put_off:
        raise notices.SomePutOff(f"{len(tally.put_off)} put off, such as {tally.put_off[0]}")


def in_shares(share: Callable[[int], int | None]) -> None:
    """Let a verb do one share of the members after the other, each committed; it returns where the next begins."""
    after: int | None = 0
    while after is not None:
        done = after

        def unit(begin: int = done) -> int | None:
            with transaction():
                return share(begin)

        after = again(unit)


def in_shares_or_one_by_one(
    share: Callable[[int], int | None],
    *,
    kind: str,
    due: Callable[[], Sequence[int]],
    one: Callable[[int], None],
    at: datetime,
) -> None:
    """Let a verb do one share of the members after the other; where one stands in the way, look at each by itself."""
    try:
        in_shares(share)
    except Exception as error:  # noqa: BLE001 - Whoever stands in the way, the others are looked at one by one.
        log.error("many at once failed", kind=kind, exc_info=error)
        with reading():
            waiting = due()
        insist(notices.one_by_one(kind, waiting, one, at=at))
