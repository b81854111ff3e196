"""An order's life: its states, and the order table - what each thing that can happen does to an order, by its state.

One place, read by all. A cell of the table is the words of what follows; an empty one leaves everything as it is. What
"cannot happen" is an alarm: if it does all the same, a person must look.
"""

from typing import Final

AWAITING = "awaiting_payment"
PROCESSING = "processing"
PAID = "paid"
SHIPPED = "shipped"
COMPLETED = "completed"
CANCELLED = "cancelled"
TIMED_OUT = "timed_out"
REFUNDED = "refunded"
REVIEW = "review"

# An order's life: from each state, the states it may move to.
NEXT: dict[str, set[str]] = {
    AWAITING: {PROCESSING, PAID, COMPLETED, CANCELLED, TIMED_OUT, REVIEW},
    PROCESSING: {PAID, COMPLETED, TIMED_OUT, REVIEW},
    PAID: {SHIPPED, COMPLETED, REFUNDED, REVIEW},
    SHIPPED: {COMPLETED, REFUNDED, REVIEW},
    COMPLETED: {REFUNDED, REVIEW},
    CANCELLED: set(),
    TIMED_OUT: set(),
    REFUNDED: set(),
    REVIEW: {PAID, SHIPPED, COMPLETED, CANCELLED, REFUNDED},
}
UNPAID = (AWAITING, PROCESSING)
# Nothing of these was sold in the end: what they used comes back.
OVER = (CANCELLED, TIMED_OUT, REFUNDED)
# States whose goods were sold: they count for limits and for what the shop has to do.
SOLD = (AWAITING, PROCESSING, PAID, SHIPPED, COMPLETED, REVIEW)
STATES: Final = (AWAITING, PROCESSING, PAID, SHIPPED, COMPLETED, CANCELLED, TIMED_OUT, REFUNDED, REVIEW)

# What can happen to an order.
PAID_AS_ASKED = "paid as asked"
PAID_OTHERWISE = "paid, but in another amount, currency, order or mode"
PAID_AGAIN = "paid once more, or after the page was over"
PAYING = "a slow payment is under way"
CARD_DECLINED = "card declined"
PAYMENT_ENDED = "slow payment failed or page over"
GIVEN_UP = "given up or cancelled by the member"
PARCEL_LEAVES = "a parcel leaves"
ARRIVED = "delivered"
WINDOW_OVER = "return window over"
REFUND_WANTED = "refund wanted"
REFUND_FAILED = "refund failed at the cashier"
REFUND_SEEN = "refund seen that we did not ask for"
DISPUTE_OPENED = "dispute opened"
DISPUTE_WON = "dispute won"
DISPUTE_LOST = "dispute lost"
ACCEPTED = "amount accepted by an operator"
GIVEN_BACK = "everything given back by an operator"

# What follows.
PAY = "pay"  # Points are spent, points are earned, the goods are to be sent.
TO_REVIEW = "review"  # A person decides; everything stays as it is until then.
LATE = "late"  # The money goes back whole and touches no points.
ALARM = "alarm"  # A person must look.
WAIT = "wait"  # The money is under way.
NOTE = "note"  # It is put on the timeline.
LET_GO = "let go"  # Not paid in time: points and goods are released.
CALL_OFF = "call off"  # Given up: points and goods are released.
REFUND = "refund"  # Cash, points and goods go back, earned points are taken back.
SEND = "send"
COMPLETE = "complete"
CLOSE = "close"  # What was earned becomes the member's.
FLAG = "flag"  # Nothing is shipped or refunded, no window closes.
FREEZE = "freeze"  # What the order earned is set aside.
UNFLAG = "unflag"
THAW = "thaw"  # What was set aside is back.
LOSE = "lose"  # Refunded in full, without the cashier: the bank has given the money back.
ACCEPT = "accept"  # Unpaid: settled with what came. Else back to the state it came from.
REFUSE = "refuse"

Cell = frozenset[str]


# A dot leaves all as it is; these stand for several things.
_SHORT = {
    ".": "",
    "dispute": "flag+freeze+alarm",
    "won": "unflag+thaw",
    "lost": "unflag+thaw+lose+alarm",
}


def _row(cells: str) -> dict[str, Cell]:
    """Return a row of the table: what follows in each state, several things joined by a plus."""
    words = [_SHORT.get(cell, cell).replace("_", " ") for cell in cells.split()]
    return {
        state: frozenset(word for word in cell.split("+") if word) for state, cell in zip(STATES, words, strict=True)
    }


# fmt: off
LIFE: Final[dict[str, dict[str, Cell]]] = {event: _row(cells) for event, cells in {
    #               awaiting    processing  paid       shipped    completed  cancelled  timed_out  refunded   review
    PAID_AS_ASKED:  "pay         pay         .          .          .          late       late       .          alarm",
    PAID_OTHERWISE: "review      review      alarm      alarm      alarm      late+alarm late+alarm alarm      alarm",
    PAID_AGAIN:     "let_go+late let_go+late late+alarm late+alarm late+alarm late       late       late  late+alarm",
    PAYING:         "wait        .           .          .          .          .          .          .          .",
    CARD_DECLINED:  "note        .           .          .          .          .          .          .          .",
    PAYMENT_ENDED:  "let_go      let_go      .          .          .          .          .          .          alarm",
    GIVEN_UP:       "call_off    refuse      refund     refuse     refuse     .          .          .          refuse",
    PARCEL_LEAVES:  "refuse      refuse      send       refuse     refuse     refuse     refuse     refuse     refuse",
    ARRIVED:        "refuse      refuse      refuse     complete   .          refuse     refuse     refuse     refuse",
    WINDOW_OVER:    ".           .           .          .          close      .          .          .          .",
    REFUND_WANTED:  "refuse      refuse      refund     refund     refund     refuse     refuse     refuse     refuse",
    REFUND_FAILED:  "alarm       alarm       alarm      alarm      alarm      alarm      alarm      alarm      alarm",
    REFUND_SEEN:    "alarm review+alarm review+alarm review+alarm review+alarm alarm     alarm      alarm      alarm",
    DISPUTE_OPENED: "alarm       alarm       dispute    dispute    dispute    alarm      alarm   flag+alarm   dispute",
    DISPUTE_WON:    "alarm       alarm       won        won        won        unflag     unflag     unflag     won",
    DISPUTE_LOST:   "alarm       alarm       lost lost lost unflag+alarm unflag+alarm unflag+alarm             lost",
    ACCEPTED:       "refuse      refuse      refuse     refuse     refuse     refuse     refuse     refuse     accept",
    GIVEN_BACK:     "refuse      refuse      refuse     refuse     refuse     refuse     refuse     refuse     refund",
}.items()}
# fmt: on


def follows(event: str, state: str) -> Cell:
    """Return what follows when something happens to an order in a state."""
    return LIFE[event][state]
