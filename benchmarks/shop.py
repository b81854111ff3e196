"""The shop under measurement: shelves and a member made by the mall's own verbs, and the member many times over."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    Integer,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    true,
    update,
)

from mall import create_app
from mall.base.clock import Instant, end_of, month_end, months_later, now
from mall.base.db import db, dialect, execute, reading, take_longer, transaction
from mall.base.text import Said, say
from mall.demo.building import OnShelf, open_categories, shelve
from mall.demo.goods import SHELVES
from mall.demo.joining import token_mailed_to
from mall.domain import audit, catalogue, checkout, earning, ledger, membership, people, programme

PASSWORD = "seven green lanterns"
SECRET = "measured-on-this-machine-only-0123456789"
SITE = "http://127.0.0.1"
PLENTY = 10**7
SOME = 5_000
MANY = 5_000
LOT_POINTS = 50
ADDRESS = {
    "recipient": "Chen Meilin", "line1": "18 Juniper Lane", "line2": "", "postcode": "97201", "city": "Portland",
    "region": "OR", "country": "US", "phone": "",
}  # fmt: skip
# She is copied, so that the books of all copies are as sound as hers.
FIRST_MEMBER = "visitor-0@bench.example"


@dataclass(frozen=True)
class Item:
    """An item for points: its page, its variant and price, and the form that puts one in the basket."""

    slug: str
    variant_id: int
    option_id: int

    @property
    def form(self) -> dict[str, str]:
        """Return what the item's page sends."""
        return {"variant_id": str(self.variant_id), "option_id": str(self.option_id), "points": "0"}


@dataclass(frozen=True)
class Shop:
    """A filled shop: its rates, what can be had for points, and the member who is copied."""

    terms: programme.Programme
    items: list[Item]
    member_id: int


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Flask]:
    """Build the mall on a database of ours, its app context open, and let go of every connection afterwards."""
    app = create_app(settings_for(url, folder))
    with app.app_context():
        try:
            yield app
        finally:
            for engine in db.engines.values():
                engine.dispose()


def settings_for(url: str, folder: Path) -> dict[str, Any]:
    """Return the settings that the app under measurement differs by from a shop at work: its files, its database."""
    return {
        "SECRET_KEY": SECRET,
        "SQLALCHEMY_DATABASE_URI": url,
        "DATABASE_READ_URL": url,
        "INSTANCE_DIR": str(folder),
        "UPLOADS_DIR": str(folder / "uploads"),
        "OUTBOX_DIR": str(folder / "outbox"),
        "CASHIER": "none",
        "DEMO": False,
    }


def environ_for(url: str, folder: Path) -> dict[str, str]:
    """Return the same as the environment of a server's process."""
    return {"SECRET_KEY": SECRET, "DATABASE_URL": url, "INSTANCE_DIR": str(folder), "CASHIER": "none", "DEMO": "0"}


@contextmanager
def filling() -> Iterator[None]:
    """Copy many rows in a transaction, which may take longer than others.

    What is copied refers to what is there: PostgreSQL need not look that up for each row.
    """
    with transaction():
        take_longer()
        if dialect() == "postgresql":
            execute(text("SET LOCAL session_replication_role = replica"))
        yield


def fill() -> Shop:
    """Make the tables and fill the shelves of the app's database; one member with an address and plenty of points."""
    db.create_all(bind_key=None)
    at = now()
    with transaction():
        terms = programme.establish(programme.default_settings(shop_name="Bench"), by="system", at=at)
    categories = open_categories(at)
    stocked = [shelve(goods, categories, number, terms=terms, at=at) for number, goods in enumerate(SHELVES, start=1)]
    items = [item for each in stocked for item in _for_points(each)]
    with transaction():
        for item in items:
            catalogue.receive(item.variant_id, 1_000_000, by="staff:1", at=at)
    return Shop(terms, items, _first_member(terms))


def copy_member(shop: Shop, count: int) -> list[int]:
    """Copy the first member so many times, with purse, lot and address. Returns the copies' ids, ascending."""
    return [
        member_id
        for begin in range(0, count, MANY)  # In shares, each well within a statement's time limit.
        for member_id in _copy_some(shop, min(MANY, count - begin))
    ]


def _copy_some(shop: Shop, count: int) -> list[int]:
    with filling():
        last = execute(select(func.max(people.Member.id))).scalar_one()
        last_lot = execute(select(func.max(ledger.Lot.id))).scalar_one()
        n, numbers = count_to(count)
        email = literal("visitor-").concat(cast(n + last, String)).concat("@bench.example")
        copied: dict[Any, dict[str, Any]] = {
            people.Address: {"id": None},
            membership.LevelHistory: {"id": None},
            ledger.Purse: {},
            ledger.Lot: {"id": n + last_lot},
            ledger.Position: {"lot_id": n + last_lot},
            ledger.Posting: {
                "id": None,
                "lot_id": n + last_lot,
                "move": ledger.Posting.move.concat("-").concat(cast(n + last, String)),
            },
        }
        who = {"id": n + last, "number": cast(n + last + 10**9, String), "email": email, "email_key": email}
        copy_rows(people.Member, numbers, who, people.Member.id == shop.member_id)
        for table, changes in copied.items():
            copy_rows(table, numbers, changes | {"member_id": n + last}, table.member_id == shop.member_id)
        theirs = {"id": None, "subject": literal("member:").concat(cast(n + last, String))}
        given = (audit.Entry.subject == f"member:{shop.member_id}") & (audit.Entry.act == ledger.ADJUSTMENT_KIND)
        copy_rows(audit.Entry, numbers, theirs, given)
        go_on_after("member", "lot")
    return list(range(last + 1, last + count + 1))


def fill_baskets(shop: Shop, member_ids: list[int]) -> list[dict[str, Any]]:
    """Give each member a basket with one item for points, the items in turn.

    Returns what placing it takes, by the names of checkout.place: member_id, key, shown.
    """
    shown = {item: _fingerprint(shop, item) for item in shop.items}
    ready = []
    with transaction():
        first = (execute(select(func.max(checkout.Basket.id))).scalar_one() or 0) + 1
        baskets = [
            {"id": first + place, "member_id": member_id, "token": None, "key": f"bench-{first + place}",
             "touched_at": now()}
            for place, member_id in enumerate(member_ids)
        ]  # fmt: skip
        execute(insert(checkout.Basket), baskets)
        lines = []
        for place, basket in enumerate(baskets):
            item = shop.items[place % len(shop.items)]
            lines.append(
                {"basket_id": basket["id"], "variant_id": item.variant_id, "option_id": item.option_id,
                 "points_each": 0, "quantity": 1, "seen_cents": None, "seen_points": None}
            )  # fmt: skip
            ready.append({"member_id": basket["member_id"], "key": basket["key"], "shown": shown[item]})
        execute(insert(checkout.BasketLine), lines)
        go_on_after("basket")
    return ready


def add_history(member_ids: list[int], postings: int) -> None:
    """Give members a past of so many postings in all: small lots that came and went again, by adjustments."""
    members = len(member_ids)
    assert member_ids == list(range(member_ids[0], member_ids[0] + members))
    for _ in range(postings // 2 // SOME):  # In shares, each well within a statement's time limit.
        _add_past(member_ids[0], members)


def _add_past(first_member_id: int, members: int) -> None:
    with filling():
        n, number = count_to(SOME)
        member = {"member_id": first_member_id + n % members}
        lot = execute(select(func.max(ledger.Lot.id))).scalar_one()
        a_lot = ledger.Lot.id == select(func.min(ledger.Lot.id)).scalar_subquery()
        copy_rows(
            ledger.Lot, number, member | {"id": n + lot, "points": literal(10), "reference": literal("past")}, a_lot
        )
        a_posting = ledger.Posting.id == select(func.min(ledger.Posting.id)).scalar_subquery()
        for verb, source, destination in (("up", "adjustment", "wallet"), ("down", "wallet", "adjustment")):
            copy_rows(ledger.Posting, number, member | {
                "id": None, "lot_id": n + lot, "points": literal(10), "reference": literal("past"),
                "move": literal(f"past:{verb}:").concat(cast(n + lot, String)),
                "source": literal(source), "destination": literal(destination),
            }, a_posting)  # fmt: skip
        go_on_after("lot")


def add_lots(member_ids: list[int], each: int, *, terms: programme.Programme) -> list[date]:
    """Give every member so many lots in the wallet, by adjustments, each with the end of another month as last day.

    Returns these days, the soonest first.
    """
    today = terms.today(now())
    days = [month_end(months_later(today, months)) for months in range(each)]
    assert member_ids == list(range(member_ids[0], member_ids[0] + len(member_ids)))
    for day in days:
        for begin in range(0, len(member_ids), MANY):
            _add_lot(member_ids[begin], min(MANY, len(member_ids) - begin), day, terms=terms)
    return days


def _add_lot(first_member_id: int, members: int, day: date, *, terms: programme.Programme) -> None:
    with filling():
        n, number = count_to(members)
        lot = execute(select(func.max(ledger.Lot.id))).scalar_one()
        member = {"member_id": literal(first_member_id) + n - 1}
        points = {"points": literal(LOT_POINTS), "reference": literal("bench")}
        a_lot = ledger.Lot.id == select(func.min(ledger.Lot.id)).scalar_subquery()
        last_day = {"expires_on": literal(day), "expires_at": literal(end_of(day, terms.zone), Instant)}
        copy_rows(ledger.Lot, number, member | {"id": n + lot} | points | last_day, a_lot)
        a_position = ledger.Position.lot_id == select(func.min(ledger.Lot.id)).scalar_subquery()
        copy_rows(ledger.Position, number, member | {"lot_id": n + lot, "points": literal(LOT_POINTS)}, a_position)
        a_posting = ledger.Posting.id == select(func.min(ledger.Posting.id)).scalar_subquery()
        move = literal("lots:").concat(cast(n + lot, String))
        copy_rows(ledger.Posting, number, member | {"id": None, "lot_id": n + lot, "move": move} | points, a_posting)
        go_on_after("lot")


def add_growth(member_ids: list[int], *, terms: programme.Programme, at: datetime) -> None:
    """Give every member growth for the night of an instant: four orders that make a Senior.

    Of a third the growth is taken off in that night, to a third it is announced, the others were here lately. One in
    twelve comes near the review with too little, one in fifty stands below what they have reached.
    """
    assert member_ids == list(range(member_ids[0], member_ids[0] + len(member_ids)))
    for begin in range(0, len(member_ids), MANY):
        _add_growth(member_ids[begin], min(MANY, len(member_ids) - begin), terms=terms, at=at)


def _add_growth(first_member_id: int, members: int, *, terms: programme.Programme, at: datetime) -> None:
    today = terms.today(at)
    n, number = count_to(members)
    member, third = literal(first_member_id) + n - 1, n % 3

    def by_third(*values: Any, type_: Any) -> Any:
        first, second, other = (literal(value, type_) for value in values)
        return case((third == 0, first), (third == 1, second), else_=other)

    active = [at - timedelta(days=days) for days in (95, 80, 10)]
    told_at = at - timedelta(days=20)
    with filling():
        for order in range(4):
            about = literal(f"order:{order}:").concat(cast(member, String))
            counts_on = today - timedelta(days=[350, 300, 200, 100][order])
            insert_rows(membership.GrowthEvent, number, {
                "member_id": member, "points": literal(400), "source": literal("order"), "reference": about,
                "counts_on": literal(counts_on), "version": literal(terms.version),
                "why": literal(say("Order"), membership.GrowthEvent.__table__.c.why.type), "key": about,
                "at": literal(active[0], Instant),
            })  # fmt: skip
        insert_rows(earning.FactRow, number, {
            "kind": literal("order_paid"), "member_id": member, "reference": literal("bench"),
            "cents": literal(40_000), "attributes": literal({}, earning.FactRow.__table__.c.attributes.type),
            "key": literal("bench:").concat(cast(member, String)), "at": by_third(*active, type_=Instant),
        })  # fmt: skip
        insert_rows(earning.DormancyNotice, number, {
            "member_id": member, "active_at": literal(active[0], Instant), "points": literal(160),
            "told_on": literal(terms.today(told_at)), "told_at": literal(told_at, Instant),
            "until": literal(at - timedelta(days=6), Instant), "deducts_on": literal(today - timedelta(days=5)),
            "version": literal(terms.version),
        }, third == 0)  # fmt: skip
        near = n % 12 == 1
        review_on = case((near, literal(today + timedelta(days=20))), else_=literal(today + timedelta(days=200)))
        counts_from = case((near, literal(today - timedelta(days=344))), else_=literal(today - timedelta(days=164)))
        insert_rows(membership.LevelHistory, number, {
            "member_id": member, "step": literal(2), "rank": literal(3), "reason": literal("reached"),
            "growth": literal(1_600), "version": literal(terms.version),
            "began_on": literal(today - timedelta(days=165)),
            "began_at": literal(at - timedelta(days=165), Instant), "review_on": review_on, "counts_from": counts_from,
        }, n % 50 != 0)  # fmt: skip


def insert_rows(table: Any, number: Any, columns: dict[str, Any], *which: ColumnElement[bool]) -> None:
    """Insert a row for every number that is wanted, of these columns."""
    rows = select(*(value.label(name) for name, value in columns.items())).select_from(number).where(*which)
    execute(insert(table).from_select(list(columns), rows))


def let_all_have_joined(*, days_ago: int) -> None:
    """Let all members have been here for so many days."""
    with transaction():
        execute(update(people.Member).values(created_at=now() - timedelta(days=days_ago)))


def add_birthdays(member_ids: list[int], *, on: date) -> None:
    """Give members a birthday that falls on a day."""
    theirs = people.Member.id.between(member_ids[0], member_ids[-1])
    with transaction():
        execute(update(people.Member).where(theirs).values(birthday=date(1990, on.month, on.day)))


def add_order(shop: Shop, member_ids: list[int], *, days_ago: int, kept: bool = True) -> None:
    """Let each of the members have bought something for cash so many days ago, paid and kept; amounts differ.

    Not `kept`: its return window ended then and is still to be closed, and what it earned is on the way.
    """
    assert member_ids == list(range(member_ids[0], member_ids[0] + len(member_ids)))
    at, terms = now() - timedelta(days=days_ago), shop.terms
    with filling():
        first = (execute(select(func.max(checkout.Order.id))).scalar_one() or 0) + 1
        item = shop.items[0]
        product_id = execute(select(catalogue.Product.id).where(catalogue.Product.slug == item.slug)).scalar_one()
        names = {**_PLAIN_ORDER, "version": terms.version, "currency": terms.currency, "placed_at": at, "paid_at": at}
        names |= {"pay_until": at, "completed_at": at, "window_ends_at": at, "window_closed_at": at if kept else None}
        names |= {name: getattr(terms, name) for name in _RATES}
        execute(insert(checkout.Order).values(names | {"id": first, "member_id": shop.member_id, "key": f"b{first}"}))
        line = {**_PLAIN_LINE, "product_id": product_id, "variant_id": item.variant_id, "option_id": item.option_id}
        execute(insert(checkout.OrderLine).values(line | {"order_id": first}))
        n, numbers = count_to(len(member_ids))
        order_id, member_id = n + first, n + (member_ids[0] - 1)
        # From 5.00 to about 10,000.00, most of them small.
        cents = literal(500) + (n * 7919 % 100) * (n * 7919 % 100) * (n * 7919 % 100)
        reference = literal("order:").concat(cast(order_id, String))
        changes = {"id": order_id, "member_id": member_id, "key": literal("b").concat(cast(order_id, String))}
        copy_rows(checkout.Order, numbers, changes | {"goods_cents": cents}, checkout.Order.id == first)
        prices = dict.fromkeys(("unit_cents", "list_cents", "cash_cents"), cents)
        copy_rows(checkout.OrderLine, numbers, {"order_id": order_id} | prices, checkout.OrderLine.order_id == first)
        facts = {"order_paid": cents} | ({"order_kept": literal(0)} if kept else {})
        for kind, about in facts.items():
            insert_rows(
                earning.FactRow,
                numbers,
                {"kind": literal(kind), "member_id": member_id, "reference": reference, "cents": about,
                 "attributes": literal({}, JSON), "key": reference.concat(f":{kind}"), "at": literal(at, Instant)},
            )  # fmt: skip
        if not kept:
            add_pending(numbers, n, {"member_id": member_id, "reference": reference})
            theirs = ledger.Purse.member_id.between(member_ids[0], member_ids[-1])
            execute(update(ledger.Purse).where(theirs).values(pending=ledger.Purse.pending + LOT_POINTS))
            go_on_after("orders", "lot")
            return
        insert_rows(
            membership.GrowthEvent,
            numbers,
            {"member_id": member_id, "points": cents / terms.growth_per_cents, "source": literal("order"),
             "reference": reference, "counts_on": literal(terms.today(at), Date), "version": literal(terms.version),
             "why": literal(say("Bought"), Said), "key": reference.concat(":growth"), "at": literal(at, Instant)},
        )  # fmt: skip
        go_on_after("orders")


def add_pending(numbers: Any, n: ColumnElement[int], whose: dict[str, Any]) -> None:
    """Let orders have earned a lot each, on the way."""
    lot = execute(select(func.max(ledger.Lot.id))).scalar_one()
    points, lot_id = {"points": literal(LOT_POINTS)}, n + lot
    a_lot = ledger.Lot.id == select(func.min(ledger.Lot.id)).scalar_subquery()
    copy_rows(ledger.Lot, numbers, whose | points | {
        "id": lot_id, "origin": literal("purchase"), "rule": literal("order"),
    }, a_lot)  # fmt: skip
    a_position = ledger.Position.lot_id == select(func.min(ledger.Lot.id)).scalar_subquery()
    place = {"member_id": whose["member_id"], "lot_id": lot_id, "place": literal("pending")}
    copy_rows(ledger.Position, numbers, place | points, a_position)
    a_posting = ledger.Posting.id == select(func.min(ledger.Posting.id)).scalar_subquery()
    copy_rows(ledger.Posting, numbers, whose | points | {
        "id": None, "lot_id": lot_id, "move": whose["reference"].concat(":order:earn"), "kind": literal("earn"),
        "source": literal("issuance"), "destination": literal("pending"),
    }, a_posting)  # fmt: skip


def tidy() -> None:
    """Bring the planner's knowledge up to date, as a database that has been running a while has it."""
    if dialect() == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # It is closed afterwards: no other statement may take so long.
            connection.execute(text("SET statement_timeout=0"))
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    else:
        with transaction():
            execute(text("ANALYZE"))


def go_on_after(*tables: str) -> None:
    """Let a table's own numbers go on after those that were given to its rows here."""
    if dialect() == "postgresql":
        for table in tables:
            last = f"(SELECT max(id) FROM {table})"  # noqa: S608 - a name from this file.
            execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})"))


def _for_points(each: OnShelf) -> list[Item]:
    """Return the variants of an item that anybody can have for points, as many as they like, sent by post."""
    if each.goods.more or each.goods.delivery != "shipped" or not each.goods.points:
        return []
    slugs = execute_reading(select(catalogue.Product.slug).where(catalogue.Product.id == each.product_id))
    return [Item(slugs, variant_id, options["points"].id) for variant_id, options in each.variants.items()]


def execute_reading(statement: Any) -> Any:
    """Return the one value that a statement reads."""
    with reading():
        return execute(statement).scalar_one()


def _first_member(terms: programme.Programme) -> int:
    at = now()
    hashed = people.password_hash(PASSWORD)
    with transaction():
        member_id = people.register(
            email=people.read_email(FIRST_MEMBER), password=hashed, display_name="Visitor", language="en",
            wants_news=False, verify_page=f"{SITE}/verify/", at=at,
        )  # fmt: skip
        assert member_id is not None
        earning.welcome(member_id, terms=terms, at=at)
        people.verify(token_mailed_to(member_id), at=at)
        people.add_address(member_id, people.AddressLines(**ADDRESS), at=at)
        ledger.adjust_up(
            ledger.lock(member_id, zone=terms.zone), PLENTY, key="bench", reference="bench",
            expiry=terms.expiry_of(terms.today(at)), version=terms.version, worth=terms.worth, why=say("Plenty"),
            by="staff:1", at=at,
        )  # fmt: skip
        subject, given = f"member:{member_id}", {"points": PLENTY}
        audit.write(ledger.ADJUSTMENT_KIND, by="staff:1", subject=subject, at=at, after=given)
    return member_id


def _fingerprint(shop: Shop, item: Item) -> str:
    """Return what the member is shown of a basket with one such item."""
    line: Any = SimpleNamespace(
        id=0, variant_id=item.variant_id, option_id=item.option_id, points_each=0, quantity=1, seen_cents=None,
        seen_points=None,
    )  # fmt: skip
    level = shop.terms.level(1)
    with reading():
        priced = checkout.price(
            checkout.BasketNow(0, "", (line,)),
            viewer=catalogue.Viewer(level.rank, shop.member_id, None, level.early_access_hours),
            level=level,
            terms=shop.terms,
            at=now(),
        )
    return priced.quote.fingerprint


def count_to(count: int) -> tuple[ColumnElement[int], Any]:
    """Return a column of the whole numbers from 1 to count, and the table it is of; the same on both databases."""
    series = select(literal(1, Integer).label("n")).cte("numbers", recursive=True)
    series = series.union_all(select(series.c.n + 1).where(series.c.n < count))
    return series.c.n, series


def copy_rows(table: Any, numbers: Any, changes: Mapping[str, Any], which: ColumnElement[bool]) -> None:
    """Copy rows of a table once for each number, some columns changed; None: the database numbers them itself."""
    names = [column.key for column in table.__table__.columns if changes.get(column.key, "") is not None]
    columns = [changes.get(name, getattr(table, name)) for name in names]
    copies = select(*columns).select_from(table.__table__.join(numbers, true())).where(which)
    execute(insert(table).from_select(names, copies))


_RATES = ("earn_points", "earn_per_cents", "growth_per_cents", "worth_points", "worth_cents", "return_window_days")
_PLAIN_ORDER: dict[str, Any] = {
    "fingerprint": "", "state": "completed", "points": 0, "goods_cents": 0, "shipping_cents": 490,
    "shipping_list_cents": 490, "shipping_waived_cents": 0, "shipping_tax_cents": 0, "accepted_difference_cents": 0,
    "level_rank": 1, "multiplier_percent": 100, "digital": False, "gives_coupons": False, "gives_codes": False,
    "coupon_count": 0, "shipping_key": "parcel",
}  # fmt: skip
_PLAIN_LINE: dict[str, Any] = {
    "line": 1, "points_each": 0, "title": {"en": "Bought"}, "sku": "", "slug": "", "digital": False, "form": "cash",
    "quantity": 1, "unit_cents": 0, "unit_points": 0, "list_cents": 0, "level_discount_cents": 0, "coupon_cents": 0,
    "price_points": 0, "switch_points": 0, "saved_cents": 0, "waived_cents": 0, "cash_cents": 0,
    "tax_basis_points": 0, "tax_cents": 0, "shipped": 1, "refunded": 0, "called_off": 0, "shipping_back": 0,
    "codes": False, "exchanging": 0, "replaced": 0, "gift_pieces": 0,
}  # fmt: skip
