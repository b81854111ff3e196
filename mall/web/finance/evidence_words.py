"""What the keys in a check's rows are called - states, kinds, reasons, jobs - by the column and table they are of."""

from collections.abc import Callable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from mall.domain import finance
from mall.web.shared import layout, returns, reviews
from mall.web.shared.moves import move_words, place_words, rule_words
from mall.web.shared.order_words import outcome_words, payment_words, refund_words, state_words
from mall.web.shared.task_words import task_title
from mall.web.shared.texts import day_words, local, sentence

from . import statement_words

FACTS = {
    "account_bound": _l("Bound an account at a partner"),
    "address_added": _l("Added an address"),
    "birthday_added": _l("Told the birthday"),
    "checked_in": _l("Checked in"),
    "email_verified": _l("Confirmed the e-mail"),
    "friend_bought": _l("A friend bought"),
    "friend_joined": _l("A friend joined"),
    "friend_unbought": _l("What a friend bought went back"),
    "had_birthday": _l("Had a birthday"),
    "level_reached": _l("Reached a level"),
    "level_unreached": _l("A level was not reached after all"),
    "member_for_years": _l("Has been a member for years"),
    "news_wanted": _l("Wants news"),
    "order_fell_short": _l("Too little of an order was kept"),
    "order_kept": _l("Kept an order"),
    "order_paid": _l("Paid an order"),
    "order_reduced": _l("A part of an order went back"),
    "order_unkept": _l("An order was not kept after all"),
    "paid_level_undone": _l("A paid level was given back"),
    "profile_completed": _l("Completed the profile"),
    "purchase_kept": _l("Kept a purchase at a partner"),
    "purchase_refunded": _l("A purchase at a partner went back"),
    "purchase_reported": _l("Bought at a partner"),
    "question_followed_up": _l("Asked further"),
    "review_published": _l("A review was published"),
    "review_unpublished": _l("A review was taken down"),
    "share_visited": _l("Somebody came by a shared link"),
    "signed_up": _l("Became a member"),
    "sizes_told": _l("Told their sizes"),
    "style_told": _l("Told their style"),
    "visited": _l("Visited the shop"),
}
JOBS = {
    "campaigns.tell": _l("Telling of campaigns"),
    "cashier.catch_up": _l("Asking the cashier what was missed"),
    "cashier.hear": _l("Hearing the cashier"),
    "cashier.statement": _l("Matching the cashier’s statement"),
    "coupons.tell": _l("Telling of coupons"),
    "finance.add_up": _l("Adding up the days"),
    "finance.prove": _l("Proving the books"),
    "growth.dormancy": _l("Taking off growth"),
    "house.tidy": _l("Tidying up"),
    "invitations.reward": _l("Rewarding invitations"),
    "levels.follow": _l("Raising levels"),
    "levels.review": _l("Reviewing levels"),
    "levels.tell": _l("Telling of levels"),
    "members.celebrate": _l("Birthdays and anniversaries"),
    "orders.complete": _l("Completing orders"),
    "payments.look_after": _l("Looking after payments"),
    "points.expire": _l("Expiring points"),
    "points.tell": _l("Telling of points"),
    "purchases.keep": _l("Keeping purchases of partners"),
    "radar.look": _l("Looking for abuse"),
    "refunds.send": _l("Sending refunds"),
    "returns.lapse": _l("Ending returns that did not come"),
    "reviews.take_down": _l("Taking down reviews"),
    "stock.tell": _l("Telling what is back in stock"),
    "windows.close": _l("Closing return windows"),
}
# Mails, by how their kind begins.
MAILS = {
    "back_in_stock": _l("Mail about an item"),
    "birthday_": _l("Mail about a birthday"),
    "campaign_": _l("Mail about a campaign"),
    "coupon_": _l("Mail about coupons"),
    "exchange_": _l("Mail about a return"),
    "level_": _l("Mail about levels"),
    "order_": _l("Mail about an order"),
    "points_": _l("Mail about points"),
    "question_": _l("Mail about a question"),
    "refund_": _l("Mail about a refund"),
    "return_": _l("Mail about a return"),
    "review_": _l("Mail about a review"),
    "stamp_": _l("Mail about a stamp card"),
}
CASH_OUTS = {
    "approved": _l("Approved, to be paid"),
    "asked": _l("Needs your decision"),
    "bounced": _l("Sent back by the bank"),
    "declined": _l("Declined"),
    "paid": _l("Paid"),
    "withdrawn": _l("Withdrawn"),
}
DRAFTS = {"draft": _l("Draft"), "approved": _l("Approved"), "ended": _l("Ended early")}
INVITATIONS = {
    "accepted": _l("Accepted"),
    "clear": _l("Not suspect"),
    "rejected": _l("Rejected"),
    "suspect": _l("Suspect"),
}
LEVEL_CHANGES = {
    "carried": _l("Moved to other levels"),
    "kept": _l("Kept"),
    "lowered": _l("Lowered"),
    "reached": _l("Reached"),
    "registered": _l("Joined"),
}
REFUND_ORIGINS = {"cashier": _l("At the cashier"), "mall": _l("By the shop")}
STOCK_ACTS = {
    "stock.adjust": _l("Stock corrected"),
    "stock.received": _l("Stock received"),
    "stock.stocktake": _l("Stock counted"),
}


def key_words(column: str, table: str, value: str) -> str | None:
    """Return what a key is called, by the column and the table it is of; None where it is none that is known."""
    write = WRITTEN.get((column, table)) or WRITTEN.get((column, ""))
    if write is None:
        return None
    try:
        return str(write(value))
    except (KeyError, ValueError):  # Of another room, which calls its own so: as it is kept.
        return None


def _notice(kind: str) -> str:
    about = next((words for begins, words in MAILS.items() if kind.startswith(begins)), None)
    return str(JOBS.get(kind) or about or _("Mail about the account"))


def _occasion(value: str) -> str:
    kind, _colon, what = value.partition(":again:")[0].partition(":")  # A pack given anew, in the place of one.
    if kind == "birthday":
        return _("Birthday of %(day)s", day=day_words(what))
    if kind != "level":
        raise KeyError(value)
    return _("Reaching %(level)s", level=local(layout.terms().level(int(what)).name))


# How a key is written, by (column, table); of a column that is the same in every table the table is "".
WRITTEN: dict[tuple[str, str], Callable[[str], object]] = {
    ("act", "audit_entry"): STOCK_ACTS.__getitem__,
    ("destination", ""): place_words,
    ("kind", "fact"): FACTS.__getitem__,
    ("kind", "notice"): _notice,
    ("kind", "posting"): move_words,
    ("kind", "statement_break"): statement_words.break_words,
    ("movement", ""): lambda value: sentence(finance.NAMES[value, ""]),
    ("occasion", "level_pack"): _occasion,
    ("origin", "finance_day_sum"): lambda value: sentence(finance.NAMES["earned", value]),
    ("origin", "refund"): REFUND_ORIGINS.__getitem__,
    ("outcome", "cashier_event"): outcome_words,
    ("place", ""): place_words,
    ("reason", "level_history"): LEVEL_CHANGES.__getitem__,
    ("round", "setback"): JOBS.__getitem__,
    ("rule", ""): rule_words,
    ("source", "posting"): place_words,
    ("state", "campaign"): DRAFTS.__getitem__,
    ("state", "cash_out"): CASH_OUTS.__getitem__,
    ("state", "goods_return"): lambda value: returns.state_words(value)[0],
    ("state", "invitation"): INVITATIONS.__getitem__,
    ("state", "orders"): lambda value: state_words(value)[0],
    ("state", "payment"): payment_words,
    ("state", "product_review"): lambda value: reviews.state_words(value)[0],
    ("state", "refund"): refund_words,
    ("state", "stamp_card"): DRAFTS.__getitem__,
    ("state", "statement_break"): statement_words.state_words,
    ("task", ""): task_title,
}
