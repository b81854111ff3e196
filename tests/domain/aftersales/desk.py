"""The desk's day: an order of three mugs that arrived, and short ways through what is sent back of it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, audit, catalogue, checkout, notices
from mall.domain.aftersales import lapsing, returns
from tests.stage import NOON, Stage

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)
MUG = catalogue.mix_price(1_590, least=600, most=1_500, step=100)


class Desk:
    """Mei with an order of three mugs at 900 points and 6.90 each, delivered; and short ways through a return."""

    # What wrote() counts besides credit notes and audit entries of returns.
    counted: tuple[Any, ...] = (notices.Notice,)

    def __init__(self, stage: Stage, name: str = "mei", **placing: Any) -> None:
        self.stage = stage
        self.mei = stage.member(name)
        stage.give(self.mei, 3_000)
        self.mug = stage.item(prices=(MUG,))
        stage.put_in(self.mei, self.mug, "mix", points=900, quantity=3)
        self.order = stage.pay(stage.place(self.mei, **placing))
        self.level = stage.terms.level(1)
        if placing:
            with transaction():
                checkout.hand_over(self.order.id, by="staff:1", at=DELIVERED)
        else:
            stage.ship(self.order)
            stage.deliver(self.order, at=DELIVERED)

    def plan_money(self, pieces, *, reason, at=DELIVERED):
        with reading():
            return aftersales.plan_return(
                checkout.order_of(self.order.id), pieces=pieces, reason=reason, level=self.level,
                terms=self.stage.terms, at=at,
            )  # fmt: skip

    def ask_money(
        self, pieces=None, *, reason="damaged", words="", shown=None, at=DELIVERED, pictures=(), member=None
    ):
        pieces = {1: 1} if pieces is None else pieces
        shown = shown or self.plan_money(pieces, reason=reason, at=at).fingerprint
        with transaction():
            row, _new = aftersales.ask_return(
                self.order.id, member_id=member or self.mei, pieces=pieces, reason=reason, words=words,
                pictures=pictures, shown=shown, level=self.level, terms=self.stage.terms, at=at,
            )  # fmt: skip
        return row

    def do(self, event, row, *, shelved=None, tracking=None, at=DELIVERED):
        given = {"by": "staff:1", "at": at}
        paying = given | {"terms": self.stage.terms, "shown": None}
        act = {
            returns.APPROVE: lambda: aftersales.approve_return(row.id, **given),
            returns.DECLINE: lambda: aftersales.decline_return(row.id, words="Worn", **given),
            returns.WITHDRAW: lambda: aftersales.withdraw_return(row.id, member_id=self.mei, at=at),
            returns.RECEIVE: lambda: aftersales.receive_return(row.id, shelved=shelved or {}, **paying),
            returns.WAIVE: lambda: aftersales.waive_return(row.id, **paying),
            returns.PAY: lambda: aftersales.pay_exchange(row.id, **paying),
            returns.SEND: lambda: aftersales.send_replacement(
                row.id, carrier="Swift", tracking=tracking or f"R{row.id}", **given
            ),
            returns.LAPSE: lambda: lapsing.lapse_return(row.id, at=at),
            returns.CLOSE: lambda: self.refund_all(at=at),
        }[event]
        with transaction():
            act()
        with reading():
            return returns.return_of(row.id)

    def refund_all(self, *, at=DELIVERED):
        aftersales.refund(self.order.id, reason="damaged", restock=True, by="staff:1", terms=self.stage.terms, at=at)

    def went(self, row, events, *, state):
        """What becomes of a return when all this is done, which is to be this state."""
        for event in events:
            row = self.do(event, row)
        assert row.state == state
        return row

    def wrote(self):
        """How many credit notes, audit entries of returns, and rows of what is counted besides there are."""
        with reading():
            return (
                len(aftersales.credits_of(self.order.id)),
                len([entry for entry in audit.entries() if entry.act.startswith("return.")]),
                *(execute(select(func.count()).select_from(table)).scalar_one() for table in self.counted),
            )
