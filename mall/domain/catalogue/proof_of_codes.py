"""What can be asked of codes without reading one: each is in the pool it came into, and under a seal of its own.

Two seals of one text differ, so none is there twice unless it was copied. Whether a code is the one that came in, only
who opens it can tell by its mark: that is asked whenever one is shown.
"""

from sqlalchemy import Select, func, select

from mall.base.proof import Check
from mall.base.text import N_

from .pool import CodeUpload, PoolCode


def code_checks() -> list[Check]:
    """Return the checks of codes in pools."""
    return [
        Check(N_("a code is in the pool that its upload filled"), _of_another_pool()),
        Check(N_("no code is kept under the seal of another"), _sealed_alike()),
    ]


def _of_another_pool() -> Select:
    return (
        select(PoolCode.id, PoolCode.variant_id)
        .join(CodeUpload, CodeUpload.id == PoolCode.upload_id)
        .where(CodeUpload.variant_id != PoolCode.variant_id)
    )


def _sealed_alike() -> Select:
    twice = select(PoolCode.sealed).group_by(PoolCode.sealed).having(func.count() > 1)
    return select(PoolCode.id, PoolCode.variant_id).where(PoolCode.sealed.in_(twice))
