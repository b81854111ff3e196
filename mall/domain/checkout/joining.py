"""Joining: who is no member yet becomes one and places what is in their basket, all of it or nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Row

from mall.domain import earning, people, programme

from .baskets import merge
from .placing import place


def join(
    new: earning.Newcomer,
    *,
    basket_token: str,
    key: str,
    shown: str,
    terms: programme.Programme,
    cashier: bool,
    address: people.AddressLines | None,
    method_key: str | None,
    earns_shown: int = 0,
    at: datetime,
) -> tuple[int, Row[Any]] | None:
    """Make a member, give them the address and the visitor's basket, and place it. None: the e-mail is known.

    Returns (the member's id, the order). Refuses what place() refuses.
    """
    member_id = earning.sign_up(new, terms=terms, at=at)
    if member_id is None:
        return None
    parcel: Mapping[str, Any] | None = None
    if address:
        people.add_address(member_id, address, at=at)
        parcel = asdict(address)
    merge(basket_token, member_id, at=at)
    order = place(
        member_id,
        key=key,
        shown=shown,
        points_offered=0,
        terms=terms,
        verified=False,
        cashier=cashier,
        address=parcel,
        method_key=method_key,
        earns_shown=earns_shown,
        at=at,
    )
    return member_id, order
