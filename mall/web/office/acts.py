"""Acts in words: what an entry of the audit log says was done, and where its subject is found."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from mall.base.errors import NotFound
from mall.domain import aftersales, checkout, ledger, membership
from mall.web.shared.layout import link
from mall.web.shared.texts import sentence

from .actors import actor_words

ACTS = {
    "campaign.approved": _l("Campaign approved"),
    "campaign.asked": _l("Campaign asked for"),
    "campaign.changed": _l("Campaign changed"),
    "campaign.declined": _l("Campaign declined"),
    "campaign.ended": _l("Campaign ended early"),
    "campaign.made": _l("Campaign made"),
    "campaign.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "category.created": _l("Category opened"),
    "category.ordered": _l("Categories put in order"),
    "category.renamed": _l("Category renamed"),
    "codes.uploaded": _l("Codes uploaded"),
    "codes.withdrawn": _l("Codes withdrawn"),
    "coupon.changed": _l("Coupon changed"),
    "coupon.codes_made": _l("Coupon codes made"),
    "coupon.given": _l("Coupon given"),
    "coupon.given_out_again": _l("Coupon given out again"),
    "coupon.list_given": _l("Coupon given to many"),
    "coupon.made": _l("Coupon made"),
    "coupon.pack_changed": _l("Pack changed"),
    "coupon.pack_made": _l("Pack made"),
    "coupon.revoked": _l("Coupon taken back"),
    "coupon.sold_as": _l("Coupon given by an item"),
    "coupon.withdrawn": _l("Coupon withdrawn"),
    "facet.changed": _l("Question to members changed"),
    "facet.made": _l("Question to members added"),
    "facet.taken_back": _l("Answer taken back by the member"),
    "finance.accounts_named": _l("Accounts named"),
    "finance.sums_forgotten": _l("Daily sums made anew"),
    "level.granted": _l("Level granted"),
    "level.grant_withdrawn": _l("Granted level ended early"),
    "invitation.accepted": _l("Suspect invitation accepted"),
    "invitation.rejected": _l("Suspect invitation rejected"),
    "member.email_changed": _l("E-mail changed"),
    "member.frozen": _l("Member frozen"),
    "member.password_changed": _l("Password changed"),
    "member.unfrozen": _l("Member unfrozen"),
    "order.alarm": _l("Order needs a look"),
    "order.alarm.looked_at": _l("Alarm looked at"),
    "order.deliver": _l("Order delivered"),
    "order.hand_over": _l("Order handed over at the counter"),
    "order.ready": _l("Order ready to be collected"),
    "order.refund": _l("Order refunded"),
    "order.review.accepted": _l("Accepted after review"),
    "order.review.given_back": _l("Given back after review"),
    "order.ship": _l("Order shipped"),
    "partner.account_bound": _l("Account at a partner bound"),
    "partner.account_unbound": _l("Account at a partner unbound"),
    "partner.approved": _l("What a partner gives approved"),
    "partner.asked": _l("What a partner gives proposed"),
    "partner.changed": _l("Partner changed"),
    "partner.declined": _l("What a partner gives declined"),
    "partner.key_made": _l("Partner's key made"),
    "partner.key_revoked": _l("Partner's key revoked"),
    "partner.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "partner.opened": _l("Partner opened"),
    "payment.rechecked": _l("Cashier asked about a payment"),
    "picture.added": _l("Picture added"),
    "picture.described": _l("Picture described"),
    "picture.ordered": _l("Pictures put in order"),
    "picture.removed": _l("Picture removed"),
    "points.adjustment": _l("Points adjusted"),
    "points.adjustment.approved": _l("Adjustment approved"),
    "points.adjustment.asked": _l("Adjustment asked for"),
    "points.adjustment.declined": _l("Adjustment declined"),
    "points.adjustment.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "points.cash_out.approved": _l("Points to cash approved"),
    "points.cash_out.asked": _l("Points to cash asked for"),
    "points.cash_out.bounced": _l("Points to cash sent back by the bank"),
    "points.cash_out.declined": _l("Points to cash declined or withdrawn"),
    "points.cash_out.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "points.cash_out.paid": _l("Points to cash paid out"),
    "product.changed": _l("Item changed"),
    "product.created": _l("Item created"),
    "product.delisted": _l("Item delisted"),
    "product.listed": _l("Item listed"),
    "product.scheduled": _l("Item scheduled"),
    "programme.approved": _l("Programme version approved"),
    "programme.asked": _l("Programme version drafted"),
    "programme.changed": _l("Programme changed"),
    "programme.declined": _l("Programme version declined"),
    "programme.established": _l("Programme set up"),
    "programme.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "programme.withdrawn": _l("Programme version withdrawn before it began"),
    "refund.asked_again": _l("Refused refund sent again"),
    "refund.given_by_hand": _l("Refused refund given back by hand"),
    "return.approve": _l("Return approved"),
    "return.lapse": _l("Return ended: the goods did not come"),
    "return.decline": _l("Return declined"),
    "return.offer": _l("Money offered instead of an exchange"),
    "return.pay": _l("Exchange refunded"),
    "return.receive": _l("Returned goods received"),
    "return.send": _l("Replacement sent"),
    "return.spare": _l("Exchange goes on without the goods"),
    "return.waive": _l("Return refunded without the goods"),
    "question.answered": _l("Question answered"),
    "question.closed": _l("Question closed"),
    "question.published": _l("Question and answer published"),
    "question.withdrawn": _l("Question no longer shown"),
    "canned_reply.made": _l("Canned reply made"),
    "canned_reply.changed": _l("Canned reply changed"),
    "review.published": _l("Review published"),
    "review.rejected": _l("Review rejected"),
    "review.replied": _l("Review answered"),
    "review.taken_down": _l("Review taken down"),
    "stamp_card.approved": _l("Stamp card approved"),
    "stamp_card.asked": _l("Stamp card asked for"),
    "stamp_card.changed": _l("Stamp card changed"),
    "stamp_card.declined": _l("Stamp card declined"),
    "stamp_card.ended": _l("Stamp card ended early"),
    "stamp_card.made": _l("Stamp card made"),
    "stamp_card.not_apart": _l("Approval refused: a colleague had touched the approver's access"),
    "staff.added": _l("Colleague added"),
    "staff.deactivated": _l("Colleague deactivated"),
    "staff.password_set": _l("Password set"),
    "staff.reactivated": _l("Colleague back"),
    "staff.recovery_code_used": _l("Recovery code used"),
    "staff.roles_changed": _l("Roles changed"),
    "staff.set_up_link_made": _l("Set-up link made"),
    "staff.totp_enrolled": _l("Phone enrolled"),
    "staff.totp_reset": _l("Second factor reset"),
    "statement.break": _l("Break of the statement decided on"),
    "statement.imported": _l("Cashier's statement read"),
    "stock.adjust": _l("Stock corrected"),
    "suspect.dismissed": _l("Suspicion dismissed"),
    "stock.low_water": _l("Low-stock mark set"),
    "stock.received": _l("Stock received"),
    "stock.stocktake": _l("Stock counted"),
    "variant.added": _l("Variant added"),
    "variant.changed": _l("Variant changed"),
    "variant.priced": _l("Prices set"),
    "variant.retired": _l("Variant retired"),
}


def act_words(act: str) -> str:
    """Return what an act is called; one without a name of its own is shown as it is kept."""
    return str(ACTS.get(act, act))


def reason_words(reason: str) -> str:
    """Return why an act was done: what a known kind of reason is called, or what was typed."""
    refund = aftersales.ALL_REASONS.get(reason)
    known = refund[0] if refund else ledger.REASONS.get(reason) or membership.OWN_REASONS.get(reason)
    return sentence(known) if known else reason


def subject_words(subject: str) -> str:
    """Return what an act was done to: "Order 10007", "Item 12"."""
    kind, _colon, number = subject.partition(":")
    if kind == "order" and (order_id := checkout.order_id_of(subject)) is not None:
        return gettext("Order %(number)s", number=checkout.number_of(order_id))
    if kind in ("member", "staff"):
        return actor_words(subject)
    words = {
        "break": gettext("Break %(number)s", number=number),
        "cashier": gettext("Cashier %(name)s", name=number),
        "campaign": gettext("Campaign %(number)s", number=number),
        "canned_reply": gettext("Canned reply %(number)s", number=number),
        "category": gettext("Category %(number)s", number=number) if number else gettext("Categories"),
        "chart": gettext("Accounts of the journal"),
        "coupon": gettext("Coupon %(number)s", number=number),
        "facet": gettext("Size or style %(number)s", number=number),
        "finance": gettext("Daily sums"),
        "partner": gettext("Partner %(number)s", number=number),
        "product": gettext("Item %(number)s", number=number),
        "stamp_card": gettext("Stamp card %(number)s", number=number),
        "programme": gettext("Programme, version %(number)s", number=number) if number else gettext("Programme"),
    }
    return words.get(kind, subject)


def subject_asked(typed: str) -> str:
    """Return the subject somebody asks for: the number of an order means that order, all else is as typed."""
    try:
        return checkout.reference_of(checkout.id_of(typed.removeprefix("#")))
    except NotFound:
        return typed


def subject_link(subject: str) -> str | None:
    """Return the address of what an act was done to, or None where it has no page."""
    kind, _colon, number = subject.partition(":")
    if not (number.isascii() and number.isdigit()):
        return None
    if kind == "order":
        return link("office.orders.show", number=checkout.number_of(int(number)))
    if kind == "product":
        return link("office.catalogue.editor.show", product_id=int(number))
    if kind == "coupon":
        return link("office.coupons.show", template_id=int(number))
    if kind == "campaign":
        return link("office.campaigns.show", draft_id=int(number))
    if kind == "stamp_card":
        return link("office.stamp_cards.show", draft_id=int(number))
    if kind == "canned_reply":
        return link("office.replies.edit", reply_id=int(number))
    if kind == "facet":
        return link("office.facets.edit", facet_id=int(number))
    if kind == "member":
        return link("office.members.show", member_id=int(number))
    if kind == "staff":
        return link("office.staff.show", staff_id=int(number))
    if kind == "partner":
        return link("office.partners.show", partner_id=int(number))
    if kind == "programme":
        return link("office.programme.show")
    return link("office.catalogue.categories.index") if kind == "category" else None
