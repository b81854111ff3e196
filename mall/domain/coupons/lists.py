"""Lists: a coupon or a pack for many members from a file; first what would happen line by line, then it happens.

Who has had it already is left out, so that the same file once more gives nobody a second one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ForeignKey, Row, String, func, insert, select, update

from mall.base.clock import Instant
from mall.base.db import again, db, execute, in_transaction, transaction
from mall.base.errors import Refusal
from mall.base.sheets import LikeAFormula, like_a_formula, read_sheet
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import audit, ledger, people, programme, repeats

from .given import Coupon, GivenPack
from .giving import Giving, give_all, given_with
from .giving_by_hand import IsFrozen
from .giving_packs import GivenUp, had_by, why_not_given
from .limits import why_not_given_one
from .templates import CouponTemplate, parts_of, subject_of, template_of
from .terms import PACK

MOST_LINES, LARGEST_LIST = 5_000, 400_000  # Lines, bytes.
LONGEST_NAME, LONGEST_WORDS = 254, 200
# So many members are given theirs in one transaction.
AT_ONCE = 250
# What a file calls its columns: the first of each is ours.
COLUMNS = {
    "member": ("member", "member number", "number", "e-mail", "email", "会员", "会员号", "邮箱"),
    "words": ("sentence", "words", "message", "寄语"),
}

GIVES, HAS, WRONG = "gives", "has", "wrong"


class NoSuchMember(Refusal):
    message = N_("There is no member with this number or e-mail address.")


class TwiceInFile(Refusal):
    message = N_("This member stands in row {row} already.")


class IsOneself(Refusal):
    message = N_("This is your own account as a member, so it is for a colleague.")


class LineTooLong(Refusal):
    message = N_("The sentence has {most} characters at most.")


class CouponList(db.Model):
    """A file from which a coupon or a pack was given. `key` makes it happen once, `done_at` says that all of it has.

    `shown` is the fingerprint of the plan that was confirmed.
    """

    __tablename__ = "coupon_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    shown: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class ListLine(Struct, frozen=True):
    """One row of a file as it stands there: a member, by number or e-mail address, and a sentence to them."""

    row: int
    member: str
    words: str = ""


class LinePlan(Struct, frozen=True):
    """What a line does: it gives, its member has it already, or it is wrong and why."""

    line: ListLine
    does: str
    member_id: int = 0
    name: str = ""
    why: Refusal | None = None


class ListPlan(Struct, frozen=True):
    """What a file does, line by line. Who confirms sends the `fingerprint`."""

    template_id: int
    lines: tuple[LinePlan, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many lines give something, have it already, are wrong."""
        counted = Counter(each.does for each in self.lines)
        return {kind: counted[kind] for kind in (GIVES, HAS, WRONG)}

    @property
    def giving(self) -> list[LinePlan]:
        """The lines that give something."""
        return [each for each in self.lines if each.does == GIVES]

    @property
    def fingerprint(self) -> str:
        """Return what tells this plan from any other."""
        parts = [(each.member_id, each.line.words) for each in self.giving]
        return hashlib.sha256(repr((self.template_id, parts)).encode()).hexdigest()[:32]


def read_list(data: bytes) -> list[ListLine]:
    """Read a file of members: number or e-mail address, and where wanted a sentence to each. Pure.

    Refuses: BadFile, FileTooLarge, ColumnMissing, NothingInFile.
    """
    rows = read_sheet(data, columns=COLUMNS, needed=("member",), most_rows=MOST_LINES, most_bytes=LARGEST_LIST)
    return [ListLine(number, **cells) for number, cells in rows]


def plan_list(template_id: int, lines: Sequence[ListLine], *, by: str, at: datetime) -> ListPlan:
    """Think out whom a file gives a coupon or a pack, in its order. Raises NoSuchTemplate.

    Few statements for each thousand lines.
    """
    template = template_of(template_id)
    known = people.members_named([line.member for line in lines if not _wrong_in_itself(line)])
    own = people.member_behind(by)
    found = sorted({row.id for row in known.values()})
    looked_up = _Had(template, found, at=at)
    first_row: dict[int, int] = {}
    plans = []
    for line in lines:
        row = known.get(line.member)
        why = _wrong_in_itself(line) or (NoSuchMember() if row is None else None)
        if why is None and row is not None:
            if row.id in first_row:
                why = TwiceInFile(row=first_row[row.id])
            elif row.deactivated_at is not None:
                why = IsFrozen()
            elif row.id == own:
                why = IsOneself()
            first_row.setdefault(row.id, line.row)
        if why is not None or row is None:
            plans.append(LinePlan(line, WRONG, why=why))
        elif looked_up.has(row.id):
            plans.append(LinePlan(line, HAS, row.id, row.display_name))
        elif why := looked_up.take(row.id, at=at):
            plans.append(LinePlan(line, WRONG, row.id, row.display_name, why))
        else:
            plans.append(LinePlan(line, GIVES, row.id, row.display_name))
    return ListPlan(template_id, tuple(plans))


_BEGUN = N_(
    "This file's form was sent before, with a file that gives to so many members: {count}. Nothing more was done. Look"
    " at what this one does, then give it."
)


def give_list(
    plan: ListPlan, *, key: str, shown: str, terms: programme.Programme, by: str, at: datetime, reason: str = ""
) -> int:
    """Give what a plan says, so many members at a time, each in a transaction. Returns how many have it by the key.

    `shown` is the fingerprint of the plan that was confirmed. Done again with the key, it goes on where it stopped and
    gives nobody a second one; who cannot be given any more by then is left out. Call it outside of any transaction.
    Raises repeats.SentOtherwise for another file with the same key.
    """
    assert not in_transaction()

    def begin() -> Row[Any]:
        with transaction():
            return _opened(plan, key=key, shown=shown, by=by, at=at, reason=reason)

    opened = again(begin)
    for some in _parts(plan.giving):

        def unit(some: Sequence[LinePlan] = some) -> None:
            with transaction():
                _give(opened, some, terms=terms, at=at)

        again(unit)

    def end() -> int:
        with transaction():
            return _closed(opened, at=at)

    return again(end)


def list_begun(key: str) -> Row[Any] | None:
    """Return the list that was begun with a key, or None."""
    return execute(select(CouponList).where(CouponList.key == key)).one_or_none()


def given_by_list(list_id: int) -> int:
    """Return how many members were given something by a list."""
    from_list = _reference(list_id)
    packs = select(func.count()).where(GivenPack.reference == from_list).scalar_subquery()
    single = select(func.count()).where(Coupon.reference == from_list, Coupon.pack_id.is_(None)).scalar_subquery()
    return int(execute(select(packs + single)).scalar_one())


class _Had:
    """What members have had of a template, and how much of it is left while a plan goes through a file."""

    def __init__(self, template: Any, member_ids: Sequence[int], *, at: datetime) -> None:
        self.template = template
        self.parts = parts_of([template.id]).get(template.id, []) if template.kind == PACK else []
        of = [part.id for part in self.parts] or [template.id]
        self.had: dict[int, dict[int, int]] = {}
        self.packs: dict[int, int] = {}
        for some in _parts(member_ids):
            had, packs = had_by(some, of, pack_id=template.id, at=at)
            self.had |= had
            self.packs |= packs
        self.left = None if template.total_limit is None else template.total_limit - template.used

    def has(self, member_id: int) -> bool:
        """Tell whether a member has it, or has used it."""
        if self.template.kind == PACK:
            return member_id in self.packs
        return self.template.id in self.had.get(member_id, {})

    def take(self, member_id: int, *, at: datetime) -> Refusal | None:
        """Return why a member cannot be given it, or None: then it counts as given to the lines behind."""
        if self.template.kind == PACK:
            if why := why_not_given(self.template, self.parts, had=self.had.get(member_id, {}), at=at):
                return why
            if self.left is not None:
                if self.left <= 0:
                    return GivenUp()
                self.left -= 1
            return None
        return why_not_given_one(self.template, had=0, at=at)  # Who has had one is not asked about.


def _give(opened: Any, some: Sequence[LinePlan], *, terms: programme.Programme, at: datetime) -> None:
    """Give some members of a list theirs, looked at anew under their purses' locks."""
    by_id = {each.member_id: each for each in some}
    ledger.lock_many(sorted(by_id), zone=terms.zone)
    template = template_of(opened.template_id)
    counted = template.kind == PACK and template.total_limit is not None
    locking = select(CouponTemplate).where(CouponTemplate.id == template.id)
    template = execute(locking.with_for_update(read=not counted, key_share=counted)).one()
    keys = {f"{_reference(opened.id)}:{member_id}": member_id for member_id in by_id}
    there = {keys[key] for key in given_with(list(keys))}
    had = _Had(template, sorted(by_id), at=at)
    givings = [
        Giving(template.id, f"{_reference(opened.id)}:{each.member_id}", each.member_id, each.line.words)
        for each in some
        if each.member_id not in there and not had.has(each.member_id) and had.take(each.member_id, at=at) is None
    ]
    if not givings:
        return
    if counted:
        execute(
            update(CouponTemplate)
            .where(CouponTemplate.id == template.id)
            .values(used=CouponTemplate.used + len(givings))
        )
    give_all(givings, source="operator", reference=_reference(opened.id), zone=terms.zone, at=at)


def _opened(plan: ListPlan, *, key: str, shown: str, by: str, at: datetime, reason: str) -> Row[Any]:
    """Return the list with a key, written down if it is new. Raises repeats.SentOtherwise for another file's."""
    lines = [(each.line.member, each.line.words) for each in plan.lines]
    sent = repeats.Sent("coupon_list", key, by, {"template": plan.template_id, "lines": lines, "reason": reason})
    there = execute(select(CouponList).where(CouponList.key == key)).one_or_none()
    if there is not None:
        repeats.refuse_other(sent)
        return there
    opened = execute(
        insert(CouponList)
        .values(template_id=plan.template_id, key=key, shown=shown, reason=reason, by=by, at=at, done_at=None)
        .returning(*CouponList.__table__.columns)
    ).one()
    repeats.keep(sent, done=say(_BEGUN, count=len(plan.giving)), at=at)
    return opened


def _closed(opened: Any, *, at: datetime) -> int:
    """Write down that all of a list was given, once. Returns how many were given something by it."""
    given = given_by_list(opened.id)
    done = execute(
        update(CouponList).where(CouponList.id == opened.id, CouponList.done_at.is_(None)).values(done_at=at)
    ).rowcount
    if done:
        audit.write(
            "coupon.list_given",
            by=opened.by,
            subject=subject_of(opened.template_id),
            at=at,
            after={"list_id": opened.id, "members": given},
            reason=opened.reason,
        )
    return given


def _wrong_in_itself(line: ListLine) -> Refusal | None:
    if like_a_formula((line.member, line.words)):
        return LikeAFormula()
    if not line.member or len(line.member) > LONGEST_NAME:
        return NoSuchMember()
    return LineTooLong(most=LONGEST_WORDS) if len(line.words) > LONGEST_WORDS else None


def _reference(list_id: int) -> str:
    return f"list:{list_id}"


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
