"""What is said at the face for machines, both ways: read and checked by these, and described by them too."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from mall.domain import partners

# Not "$", which a line's end may follow.
TO_THE_END = r"(?![\s\S])"
VISIBLE = rf"^[!-~]+{TO_THE_END}"
IDEMPOTENCY_KEY = rf"[!-~]{{1,{partners.LONGEST_KEY}}}"

Cents = Annotated[
    int, Meta(ge=1, le=partners.MOST_CENTS, description="Money in hundredths of the currency.", examples=[1590])
]
Currency = Annotated[
    str, Meta(pattern=rf"^[A-Z]{{3}}{TO_THE_END}", description="The shop's currency.", examples=["USD"])
]
OccurredAt = Annotated[
    datetime,
    Meta(
        tz=True,
        description="When it happened: neither in the future nor more than 30 days ago.",
        examples=["2026-03-02T12:00:00Z"],
    ),
]
Account = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=partners.LONGEST_ACCOUNT,
        pattern=VISIBLE,
        description="What you know your customer by, once a member has bound it.",
        examples=["rider-20417"],
    ),
]
MemberNumber = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{5}} ?[0-9]{{5}}{TO_THE_END}",
        description="The member's number, as they show it at a till.",
        examples=["12345 67897"],
    ),
]


PurchaseReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=partners.LONGEST_REFERENCE,
        pattern=VISIBLE,
        description="Your own reference of the purchase; each is reported once.",
        examples=["R-2026-0001"],
    ),
]
RefundReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=partners.LONGEST_REFERENCE,
        pattern=VISIBLE,
        description="Your own reference of the refund; each is reported once.",
        examples=["R-2026-0001-back"],
    ),
]


class PurchaseReport(Struct, kw_only=True, forbid_unknown_fields=True):
    """A purchase of a member, who is named by exactly one of member_number and account."""

    reference: PurchaseReference
    cents: Cents
    currency: Currency
    occurred_at: OccurredAt
    member_number: MemberNumber | UnsetType = UNSET
    account: Account | UnsetType = UNSET


class RefundReport(Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of a purchase, or all of it, that was given back."""

    reference: RefundReference
    purchase: PurchaseReference
    cents: Cents
    currency: Currency
    occurred_at: OccurredAt


class InvitationWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """An account of yours that a member is to bind."""

    account: Account


class PurchaseNoted(Struct, kw_only=True):
    """What a purchase gave. limited_by: a limit left no more points for one purchase, for the member that day, or for
    all that month.
    """

    reference: str
    points: Annotated[int, Meta(ge=0)]
    growth: Annotated[int, Meta(ge=0)]
    ready_at: datetime
    limited_by: Literal["", "purchase", "day", "month"]


class RefundNoted(Struct, kw_only=True):
    """What was taken back, and how much of the purchase is left to refund."""

    reference: str
    purchase: str
    points_taken: Annotated[int, Meta(ge=0)]
    growth_taken: Annotated[int, Meta(ge=0)]
    left_cents: Annotated[int, Meta(ge=0)]


class InvitationMade(Struct, kw_only=True):
    """A link to show to your customer: opened once, by a member who has signed in and agrees, until it ends."""

    account: str
    link: str
    ends_at: datetime


class Problem(Struct, kw_only=True):
    """Why nothing was done (RFC 9457). `code` names the reason for programs, `field` what is at fault."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    code: str | UnsetType = UNSET
    field: str | UnsetType = UNSET
