"""Levels in words: the steps of a member's life with us, those that growth took and those that were given."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from msgspec import Struct
from sqlalchemy import Row

from mall.domain import membership, programme

from .texts import day_words, local, number


class Step(Struct, frozen=True):
    """A level that began, or a granted one that ended, on a day; and why."""

    day: date
    name: dict[str, str]
    words: str


def steps_of(taken: Sequence[Row[Any]], granted: Sequence[Row[Any]], terms: programme.Programme) -> list[Step]:
    """Return the steps of a member, newest first, out of the history of levels and of grants.

    A level is called as in the version it was taken under.
    """
    steps = [(step.began_at, Step(step.began_on, _name(step, step.rank), _why(step))) for step in taken]
    for grant in granted:
        last = day_words(grant.last_day)
        until = _("given for a time, up to and with %(day)s", day=last)
        if grant.kind == membership.PAID:
            until = _("paid, up to and with %(day)s", day=last)
        steps.append((grant.begins_at, Step(grant.begins_on, _name(grant, grant.rank), until)))
        if grant.ended_at is not None:
            steps.append((grant.ended_at, _end_of(grant, taken=taken, granted=granted, terms=terms)))
    return [step for _at, step in sorted(steps, key=lambda each: each[0], reverse=True)]


def _end_of(
    grant: Row[Any], *, taken: Sequence[Row[Any]], granted: Sequence[Row[Any]], terms: programme.Programme
) -> Step:
    """Return the step by which a granted level ended: what the member was then, by growth or by another grant."""
    name = _name(grant, grant.rank)
    if grant.how == "replaced":
        return Step(terms.today(grant.ended_at), name, _("carried over, as the shop has other levels now"))
    if grant.ended_at < grant.begins_at:
        return Step(terms.today(grant.ended_at), name, _("taken back before it began"))
    over = grant.how == "over"
    ended = min(grant.ended_at, grant.ends_at)
    had = [step for step in taken if step.began_at <= ended][:1]
    had += [
        each
        for each in granted
        if each.id != grant.id
        and each.begins_at <= ended < each.ends_at
        and not (each.ended_at and each.ended_at <= ended)
    ]
    then = max(had, key=lambda each: each.rank, default=None)
    day = grant.last_day if over else terms.today(grant.ended_at)
    if then is None:
        return Step(day, name, _("its time was over") if over else _("ended early"))
    left = {"ended": local(name), "level": local(_name(then, then.rank))}
    if over:
        words = _("the time of %(ended)s was over, back to %(level)s", **left)
    else:
        words = _("%(ended)s ended early, back to %(level)s", **left)
    if then.rank >= grant.rank:
        words = _("%(ended)s ended, %(level)s goes on", **left)
    return Step(day, _name(then, then.rank), words)


def length_words(length: int, unit: str) -> str:
    """Return how long a membership lasts."""
    if unit == membership.MONTHS:
        return ngettext("%(num)s month", "%(num)s months", length)
    return ngettext("%(num)s day", "%(num)s days", length)


def _name(row: Any, rank: int) -> dict[str, str]:
    return programme.version(row.version).level(rank).name


def _why(step: Any) -> str:
    said = {
        "registered": _("registered"),
        "reached": _("reached"),
        "kept": _("kept"),
        "lowered": _("lowered"),
        "carried": _("carried over, as the shop has other levels now"),
    }
    words = said[step.reason]
    return _("%(what)s, %(growth)s growth", what=words, growth=number(step.growth))
