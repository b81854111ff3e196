"""Evidence in words: what the columns behind a check are called, and what they hold, as a reader reads it.

A column that names a member, an order or an item leads there, where whoever looks may go.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from msgspec import Struct

from mall.domain import checkout, finance
from mall.web.shared import layout
from mall.web.shared.addresses import link
from mall.web.shared.documents import document_words
from mall.web.shared.moves import order_number
from mall.web.shared.signing_in import may_open
from mall.web.shared.texts import day_words, local, moment_words, money_words, number

from .evidence_words import key_words

# What a number of a row is the number of, by the table it stands in.
TABLES = {
    "approval": _l("Request for approval"),
    "campaign": _l("Campaign"),
    "cash_out": _l("Points to cash"),
    "cashier_event": _l("Event of the cashier"),
    "code_upload": _l("Upload of codes"),
    "coupon": _l("Coupon of a member"),
    "coupon_code": _l("Coupon code"),
    "coupon_template": _l("Coupon"),
    "credit_note": _l("Credit note"),
    "dormancy_notice": _l("Dormancy notice"),
    "fact": _l("Fact"),
    "given_pack": _l("Pack given"),
    "goods_return": _l("Return"),
    "growth_event": _l("Growth entry"),
    "level_grant": _l("Granted level"),
    "level_history": _l("Change of level"),
    "level_pack": _l("Level pack"),
    "lot": _l("Lot"),
    "member": _l("Member"),
    "notice": _l("Mail or job"),
    "orders": _l("Order"),
    "order_line": _l("Line"),
    "partner": _l("Partner"),
    "partner_purchase": _l("Reported purchase"),
    "partner_refund": _l("Reported refund"),
    "payment": _l("Payment"),
    "pool_code": _l("Code"),
    "posting": _l("Entry"),
    "product": _l("Item"),
    "product_review": _l("Review"),
    "question": _l("Question"),
    "refund": _l("Refund"),
    "sign_in": _l("Sign-in"),
    "stamp": _l("Stamp"),
    "stamp_card": _l("Stamp card"),
    "statement_break": _l("Break"),
    "statement_line": _l("Line of the statement"),
    "stock_request": _l("Waiting for an item"),
    "suspect": _l("Suspect"),
    "task_reward": _l("Reward of a task"),
}
COLUMNS = {
    "about": _l("On what"),
    "accepted_difference_cents": _l("Accepted difference"),
    "act": _l("Act"),
    "amount_cents": _l("Amount"),
    "approved_by": _l("Approved by"),
    "asked": _l("Currency asked for"),
    "asked_at": _l("Asked at"),
    "asked_too": _l("Another currency asked for"),
    "attempts": _l("Attempts at once"),
    "back_cents": _l("Given back"),
    "birthday": _l("Birthday"),
    "by": _l("By"),
    "came": _l("Came"),
    "came_cents": _l("Came in"),
    "came_too": _l("Another currency came"),
    "cap_points": _l("At most so many points in all"),
    "captured_cents": _l("Captured"),
    "card_id": _l("Stamp card"),
    "cashier_id": _l("Number at the cashier"),
    "cents": _l("Due"),
    "choice": _l("Choice"),
    "currency": _l("Currency"),
    "day": _l("Day"),
    "debt": _l("Owed"),
    "decided_by": _l("Decided by"),
    "destination": _l("To"),
    "due": _l("Due"),
    "ended_at": _l("Ended at"),
    "ends_at": _l("Ends"),
    "entries_missing": _l("Entries missing"),
    "error": _l("What went wrong"),
    "expired": _l("Expired"),
    "expires_at": _l("Expires at"),
    "expires_on": _l("Expires on"),
    "facet_id": _l("Question of the profile"),
    "filled": _l("Counted as filled"),
    "found_at": _l("Found at"),
    "friend_id": _l("The friend"),
    "from_rank": _l("From level"),
    "full": _l("Full cards"),
    "given": _l("Given"),
    "given_at": _l("Given at"),
    "gives": _l("To be given"),
    "gross_cents": _l("Before the fee"),
    "growth": _l("Growth"),
    "happened_at": _l("Happened"),
    "held": _l("Held"),
    "inviter_id": _l("Invited by"),
    "issued_points": _l("Counted"),
    "kept_at": _l("Made ready at"),
    "kept_cents": _l("Cash kept"),
    "key": _l("Key"),
    "key_made_by": _l("Key made by"),
    "kind": _l("Kind"),
    "last": _l("Last level in the history"),
    "last_error": _l("What went wrong"),
    "left_the_shelf": _l("Left the shelf"),
    "least_cents": _l("Least amount"),
    "line": _l("Line"),
    "line_id": _l("Line of the statement"),
    "live": _l("Cards given"),
    "lot_id": _l("Lot"),
    "lots": _l("Lots"),
    "member_id": _l("Member"),
    "member_of_the_order": _l("Member of the order"),
    "month": _l("Month"),
    "more_moved_than_said": _l("More moved than was said"),
    "move": _l("Move"),
    "moved": _l("Moved"),
    "movement": _l("Movement"),
    "multiplier_percent": _l("Multiplier"),
    "net_cents": _l("After the fee"),
    "next_try_at": _l("Tried next at"),
    "note": _l("Note"),
    "number": _l("Version"),
    "occasion": _l("For what"),
    "of_refunds_cents": _l("Of its refunds"),
    "off": _l("Taken off"),
    "order_id": _l("Order"),
    "origin": _l("Where from"),
    "outcome": _l("Outcome"),
    "over": _l("Too many points"),
    "paid_by": _l("Paid by"),
    "parcel_id": _l("Parcel"),
    "partner_id": _l("Partner"),
    "partner_version": _l("Version of the partner"),
    "payment_id": _l("Payment"),
    "pays_cents": _l("Pays"),
    "pending": _l("On the way"),
    "pieces": _l("Pieces"),
    "pieces_back": _l("Pieces back on the shelf"),
    "place": _l("Where"),
    "points": _l("Points"),
    "points_missing": _l("Points missing"),
    "points_of": _l("Points of"),
    "posting": _l("Entry"),
    "postings": _l("Entries added up"),
    "postings_now": _l("Entries there are"),
    "product_id": _l("Item"),
    "quantity": _l("Set aside"),
    "rank": _l("Level"),
    "reached": _l("Level reached"),
    "ready_at": _l("Ready at"),
    "reason": _l("Reason"),
    "received_at": _l("Received at"),
    "redeemed_in": _l("Redeemed in"),
    "reference": _l("For what"),
    "refunded_cents": _l("Refunded"),
    "reverses": _l("Takes back entry"),
    "review_on": _l("Looked at again on"),
    "round": _l("Job"),
    "row_id": _l("Row"),
    "rule": _l("Rule"),
    "said": _l("As was said"),
    "saved_cents": _l("Saved"),
    "sent": _l("Sent"),
    "share": _l("Shared item"),
    "since": _l("Since"),
    "source": _l("From"),
    "stamps": _l("Stamps"),
    "stamps_needed": _l("Stamps needed"),
    "state": _l("State"),
    "steps": _l("Steps in the history"),
    "streak": _l("Days in a row"),
    "subject": _l("On what"),
    "task": _l("Task"),
    "tax_basis_points": _l("Tax rate"),
    "tax_cents": _l("Tax"),
    "template_id": _l("Coupon"),
    "tries": _l("Tries"),
    "usable": _l("Coupons that can be used"),
    "usable_from": _l("Can be used from"),
    "used_days": _l("Days used"),
    "variant_id": _l("Variant"),
    "version": _l("Version"),
    "wallet": _l("Ready"),
    "what": _l("What"),
    "worth_cents": _l("are worth"),
    "worth_points": _l("So many points"),
    "written_at": _l("Written at"),
}
MEMBERS = ("member_id", "friend_id", "inviter_id", "points_of", "member_of_the_order")
RANKS = ("rank", "from_rank", "reached", "last")
NUMBERED = ("line", "number", "version", "reverses", "posting", "choice")
# What a row is of, and what a column names, with the page it is seen on: {name: (endpoint, what its address takes)}.
PAGES = {
    "campaign": ("office.campaigns.show", "draft_id"),
    "cash_out": ("finance.payouts.show", "cash_out_id"),
    "coupon_template": ("office.coupons.show", "template_id"),
    "partner": ("office.partners.show", "partner_id"),
    "payment": ("office.payments.show", "payment_id"),
    "product": ("office.catalogue.editor.show", "product_id"),
    "product_review": ("office.reviews.show", "review_id"),
    "question": ("office.questions.show", "question_id"),
    "stamp_card": ("office.stamp_cards.show", "draft_id"),
    "statement_break": ("finance.reconciliation.show_break", "break_id"),
    "suspect": ("office.radar.show", "suspect_id"),
    "card_id": ("office.stamp_cards.show", "draft_id"),
    "facet_id": ("office.facets.edit", "facet_id"),
    "partner_id": ("office.partners.show", "partner_id"),
    "payment_id": ("office.payments.show", "payment_id"),
    "product_id": ("office.catalogue.editor.show", "product_id"),
    "template_id": ("office.coupons.show", "template_id"),
}
REFERENCE = re.compile(r"(member|cashout|product|payment|campaign|partner):([0-9]{1,18})")
KINDS = {"cashout": "cash_out"}
ACTORS = ("approved_by", "by", "decided_by", "key_made_by")
DOCUMENTS = ("paid_by", "reference", "share", "subject")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Evidence(Struct, frozen=True):
    """The first rows that a check found: what their columns are called, which are figures, and the rows in words."""

    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]


def evidence_of(examples: Sequence[Mapping[str, Any]], *, tables: Mapping[str, str]) -> Evidence:
    """Return rows as a reader reads them. `tables` says from which table a column comes, where it is of one."""
    columns = [(heading(name, tables), is_figure(name, value)) for name, value in examples[0].items()]
    return Evidence(columns, [[words(name, row[name], tables) for name in examples[0]] for row in examples])


def heading(name: str, tables: Mapping[str, str]) -> str:
    """Return what a column is called."""
    if name == "id":
        return str(TABLES.get(tables.get(name, ""), _("Row")))
    return str(COLUMNS.get(name) or name.replace("_", " "))


def is_figure(name: str, value: Any) -> bool:
    """Tell whether a value says how much or how many."""
    return isinstance(value, int) and not isinstance(value, bool) and not is_number_of(name)


def is_number_of(name: str) -> bool:
    """Tell whether a whole number says which one, not how many."""
    return name == "id" or name.endswith("_id") or name in (*MEMBERS, *RANKS, *NUMBERED)


def words(name: str, value: Any, tables: Mapping[str, str]) -> str:
    """Return a value as a reader reads it, with a link where it names something that has a page."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return _of_whole(name, value, tables)
    return _of_text(name, str(value), tables.get(name, ""))


def _of_whole(name: str, value: int, tables: Mapping[str, str]) -> str:
    of = tables.get(name, "") if name == "id" else name
    if of in ("orders", "order_id"):
        return _order(checkout.number_of(value))
    if of in MEMBERS:
        return _linked(_("Member %(number)s", number=value), "office.members.show", member_id=value)
    shown = f"{TABLES[of]} {value}" if of in TABLES else str(value)
    if of in PAGES:
        endpoint, takes = PAGES[of]
        return _linked(shown, endpoint, **{takes: value})
    if name == "id":
        return shown
    if name in RANKS:
        levels = layout.terms().levels
        return local(levels[value - 1].name) if 0 < value <= len(levels) else str(value)
    if is_number_of(name):
        return str(value)
    if name == "cents" or name.endswith("_cents"):
        return money_words(value) if value >= 0 else f"−{money_words(-value)}"
    if name.endswith("_percent"):
        return f"{number(value)} %"
    if name.endswith("_basis_points"):
        return f"{number(value // 100)} %" if value % 100 == 0 else f"{value / 100:.2f} %"
    return number(value)


def _of_text(name: str, value: str, table: str) -> str:
    if (order := order_number(value)) is not None:
        return _order(order)
    if found := REFERENCE.fullmatch(value):
        kind, its = KINDS.get(found[1], found[1]), int(found[2])
        if kind == "member":
            return _linked(_("Member %(number)s", number=its), "office.members.show", member_id=its)
        endpoint, takes = PAGES[kind]
        return _linked(f"{TABLES[kind]} {its}", endpoint, **{takes: its})
    if name in ACTORS:
        return _("the mall itself") if value == "system" else finance.name_of(value)
    if INSTANT.fullmatch(value) or DAY.fullmatch(value):
        return _moment(value)
    said = key_words(name, table, value) or (document_words(value) if name in DOCUMENTS else value)
    return said if said != value or " " in value else Markup('<span class="mono xs key">{}</span>').format(value)


def _moment(value: str) -> str:
    try:
        return day_words(value) if DAY.fullmatch(value) else moment_words(datetime.fromisoformat(value))
    except ValueError:
        return value


def _order(its: str) -> str:
    return _linked(_("Order %(number)s", number=its), "office.orders.show", number=its)


def _linked(shown: str, endpoint: str, **takes: str | int) -> str:
    address = link(endpoint, **takes) if may_open(endpoint) else None
    return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown
