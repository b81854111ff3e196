"""Kinds: what a notice can be about, the values it is told with, and what a member may say about mails of it."""

from collections.abc import Mapping
from typing import Any

# Every kind of notice; web.shared has a letter for each. Behind it the values it is told with: all of them, no others.
KINDS: dict[str, tuple[str, ...]] = {
    "verify_email": ("name", "link"),
    "reset_password": ("name", "link"),
    "password_changed": ("name",),
    "confirm_email": ("name", "link"),
    "email_changing": ("name", "email"),
    "email_known": (),
    "sign_in_slowed": (),
    "order_placed": ("number", "total_cents", "points"),
    # `codes`, `coupons`: it brought some. `digital`: nothing of it is sent.
    "order_paid": ("number", "total_cents", "points", "earned_points", "codes", "coupons", "digital"),
    "order_shipped": ("number", "carrier", "tracking", "pieces", "left"),
    "order_ready": ("number",),
    "order_collected": ("number",),
    # What goes back now, and what of that which came had gone back before or by the bank.
    "order_cancelled": ("number", "points", "back_cents", "gone_cents"),
    "order_timed_out": ("number", "points", "back_cents"),
    "refund_done": ("number", "points", "back_cents", "gone_cents"),
    "return_asked": ("number",),
    "return_advanced": ("number",),
    "return_approved": ("number", "words"),
    "return_declined": ("number", "words"),
    "return_withdrawn": ("number",),
    "return_lapsing": ("number", "lapses_at"),
    "return_lapsed": ("number",),
    "return_received": ("number",),
    "return_offered": ("number", "words"),
    "exchange_asked": ("number",),
    "exchange_approved": ("number", "words"),
    "exchange_spared": ("number", "words"),
    "exchange_received": ("number",),
    "exchange_sent": ("number", "carrier", "tracking"),
    "exchange_declined": ("number", "words"),
    "exchange_withdrawn": ("number",),
    "exchange_lapsing": ("number", "lapses_at"),
    "exchange_lapsed": ("number",),
    "points_unlocked": ("points", "number"),
    # What tasks and an invitation gave for an order of which nothing is kept any more.
    "points_reward_undone": ("number", "points", "growth"),
    # What a task gave that asks for more than is kept of an order.
    "points_reward_short": ("number", "points", "growth", "least_cents"),
    "points_invitation_undone": ("friend", "points", "growth"),
    "points_expiring": ("points", "expires_on"),
    "points_cash_declined": ("points", "words"),
    "points_cash_paid": ("cents", "account_end"),
    # `repaid` of the points repaid what the member owed by then.
    "points_cash_bounced": ("points", "repaid", "words", "account_end"),
    "level_raised": ("level",),
    "level_review": ("level", "missing", "review_on"),
    "level_lowered": ("level",),
    # What a level gives to who reaches it, or has a birthday at it: points, and so many coupons.
    "level_pack_received": ("level", "points", "coupons"),
    "birthday_pack_received": ("level", "points", "coupons"),
    # What reaching a level gave, taken back: points, coupons that were not used; and how many were used.
    "level_pack_undone": ("level", "points", "coupons", "used"),
    "paid_level_undone": ("level", "points", "coupons", "used"),
    "level_dormancy": ("points", "deducts_on"),
    "level_granted": ("level", "last_day"),
    # A level that was granted, or paid for (`paid`), ends soon.
    "level_ending": ("level", "last_day", "paid"),
    "level_grant_ended": ("level",),
    "coupon_received": ("title", "ends_at", "words"),
    "coupon_pack_received": ("title", "ends_at", "words", "coupons"),
    # A full card, by its name, and so many coupons for it: the name of that kind, and when they end.
    "stamp_card_full": ("title", "coupon", "coupons", "ends_at"),
    # All that end on one day, [{title, pieces}], and the title of the first.
    "coupon_expiring": ("title", "ends_at", "coupons"),
    # A campaign that has not begun, to levels that hear of it earlier.
    "campaign_ahead": ("title", "starts_at", "ends_at", "multiplier_percent"),
    "back_in_stock": ("title", "variant_title", "slug"),
    # Of an item that was reviewed; `points` is what it gave, or what of that was taken back.
    "review_published": ("title", "slug", "points"),
    "review_rejected": ("title", "words"),
    "review_taken_down": ("title", "words", "points"),
    "review_answered": ("title", "slug", "words"),
    "question_answered": ("title", "question_id", "words"),
    "question_closed": ("title", "question_id", "words"),
}
# Mails whose link opens an account: the link is wiped from the outbox once it is on its way.
SECRET_KINDS = ("verify_email", "reset_password", "confirm_email")
# Mails only: whoever reads the notices of an account must not find in them what proves an address.
NOT_SHOWN = (*SECRET_KINDS, "email_known")

SECURITY, ORDERS, POINTS, LEVELS, COUPONS, STOCK = "security", "orders", "points", "levels", "coupons", "stock"
TOPIC_OF: dict[str, str] = {
    **{kind: ORDERS for kind in KINDS if kind.startswith(("order_", "refund_", "return_", "exchange_", "review_"))},
    **{kind: ORDERS for kind in KINDS if kind.startswith("question_")},
    **{kind: POINTS for kind in KINDS if kind.startswith("points_")},
    **{kind: LEVELS for kind in KINDS if kind.startswith(("level_", "paid_level_", "birthday_"))},
    **{kind: COUPONS for kind in KINDS if kind.startswith(("coupon_", "campaign_", "stamp_"))},
    "back_in_stock": STOCK,
    **{kind: SECURITY for kind in KINDS if "email" in kind or "password" in kind or "sign_in" in kind},
}
# What a member may do without by mail; the rest, orders and security, always comes.
CHOICES = (POINTS, LEVELS, COUPONS, STOCK)
# What is mailed only to members who let the shop send them news.
NEWS = (COUPONS,)


def misfits(kind: str, values: Mapping[str, Any]) -> set[str]:
    """Return the names by which values differ from those a kind is told with: what is missing or strange."""
    return set(KINDS[kind]) ^ values.keys()
