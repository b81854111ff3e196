"""Giving back a membership of an order: what it brings is shown first, then it is done, once."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import aftersales, programme
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.signing_in import person

from .order_parts import level_of_line
from .orders import bp, my_order, order_page


@bp.get("/<number>/memberships/<int:line>")
def consider_membership(number: str, line: int) -> Response | str | tuple[str, int]:
    """Show what giving a membership back brings today, before it is done."""
    order = my_order(number)
    try:
        with reading():
            plan = aftersales.plan_refund(
                order, reason=aftersales.PLAN_ENDED, at=now(), zone=layout.terms().zone, pieces={line: 1}
            )
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    return membership_page(number, plan)


@bp.post("/<number>/memberships/<int:line>")
def give_membership_back(number: str, line: int) -> Response | str | tuple[str, int]:
    """Give a membership back as it was shown: its level ends, the share of the days left is refunded. Once."""
    order = my_order(number)
    terms, at = layout.terms(), now()
    try:
        done_once(
            aftersales.refund,
            order.id,
            reason=aftersales.PLAN_ENDED,
            restock=False,
            pieces={line: 1},
            shown=request.form.get("shown", ""),
            by=person().actor,
            terms=terms,
            at=at,
        )
    except aftersales.RefundChanged as refusal:
        with reading():
            plan = aftersales.plan_refund(
                order, reason=aftersales.PLAN_ENDED, at=at, zone=terms.zone, pieces={line: 1}
            )
        return membership_page(number, plan, refusal=refusal)
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    flash(_("The membership is given back. Cash goes back the way it came, points to your wallet."))
    return redirect(url_for("store.orders.show", number=number), 303)


def membership_page(number: str, plan: aftersales.Plan, *, refusal: Refusal | None = None):
    """Render what giving a membership back brings; with a refusal the answer is 422, and says it."""
    [back] = plan.lines
    terms = layout.terms()
    page = render_template(
        "store/orders/membership.html",
        number=number,
        plan=plan,
        back=back,
        least=programme.version(plan.order.version).membership_least_days,
        level=level_of_line(back.line, plan.order, terms),
        refusal=refusal,
    )
    return (page, 422) if refusal else page
