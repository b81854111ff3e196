"""The demo's codes: pools for what is delivered as one, and members who have looked at some of theirs."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout

CODE = "code"
# So many of the latest codes are looked at, but for one in three.
LOOKED_AT = 24


def stock_up(variant_id: int, kind: str, count: int, *, by: str, at: datetime, note: str) -> None:
    """Let pieces of a variant arrive: as codes of its pool where it is delivered as such."""
    if kind == CODE:
        codes = [made_up(f"{variant_id}:{at:%Y%m%d%H%M}:{number}") for number in range(count)]
        catalogue.upload_codes(variant_id, codes, note=note, by=by, at=at)
    else:
        catalogue.receive(variant_id, count, by=by, at=at, reason=note)


def made_up(seed: str) -> str:
    """Return a code like those on gift cards, always the same for a seed."""
    signs = hashlib.sha256(seed.encode()).hexdigest()[:12].upper()
    return "-".join((signs[:4], signs[4:8], signs[8:]))


def look_at_codes() -> None:
    """Let members look at codes that they have had."""
    with reading():
        code = catalogue.PoolCode
        latest = execute(
            select(code.id, code.reference, code.issued_at)
            .where(code.state == catalogue.ISSUED)
            .order_by(code.issued_at.desc())
            .limit(LOOKED_AT)
        ).all()
    for number, row in enumerate(latest):
        order_id = checkout.order_id_of(row.reference or "")
        if order_id is None or number % 3 == 0:
            continue
        at = row.issued_at + timedelta(minutes=20)
        with transaction():
            try:
                checkout.show_code(order_id, row.id, member_id=checkout.order_of(order_id).member_id, at=at)
            except Refusal:
                continue
