"""POST /api/v1/purchases and /api/v1/refunds: what members buy at a partner's, and what they give back."""

from flask import Response, abort, request
from msgspec import UNSET, convert

from mall.base.clock import now
from mall.domain import partners
from mall.web.shared.done import done_once
from mall.web.shared.problems import problem

from .face import answer, bp, idempotency_key, partner_id, read, terms
from .messages import PurchaseNoted, PurchaseReport, RefundNoted, RefundReport


@bp.post("/purchases")
def report_purchase() -> Response:
    """Keep a purchase and give its points. Sent again with its key, it answers the same and gives no more."""
    key, told = idempotency_key(), read(PurchaseReport)
    if (told.member_number is UNSET) == (told.account is UNSET):
        detail = "Name the member by member_number or by account, and by one of the two only."
        abort(problem(422, detail, code="not-as-described"))
    given = done_once(
        partners.report,
        partner_id(),
        _reporting(told),
        member_number="" if told.member_number is UNSET else told.member_number,
        account="" if told.account is UNSET else told.account,
        key=key,
        of_body=partners.body_hash("purchase", request.get_data()),
        terms=terms(),
        at=now(),
    )
    return answer(convert(given.answer, PurchaseNoted), 201, again=given.again)


@bp.post("/refunds")
def report_refund() -> Response:
    """Take back what the refunded part of a purchase gave, once for a key."""
    key, told = idempotency_key(), read(RefundReport)
    given = done_once(
        partners.refund,
        partner_id(),
        _reporting(told),
        purchase=told.purchase,
        key=key,
        of_body=partners.body_hash("refund", request.get_data()),
        terms=terms(),
        at=now(),
    )
    return answer(convert(given.answer, RefundNoted), 201, again=given.again)


def _reporting(told: PurchaseReport | RefundReport) -> partners.Reporting:
    return partners.Reporting(told.reference, told.cents, told.currency, told.occurred_at)
