"""Addresses: the readable last part of a product's or a category's link."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from mall.base.db import execute

LONGEST = 60


def slug_of(words: str) -> str:
    """Write words as an address: "Crème & mugs" -> "creme-mugs"; nothing where no letter of ours is in them."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-")


def free_slug(column: Any, wished: str | Mapping[str, str]) -> str:
    """Return an address no row has yet, from a wish or a title by language."""
    named = wished if isinstance(wished, str) else wished.get("en") or next(iter(wished.values()), "")
    slug = slug_of(named) or f"item-{secrets.token_hex(4)}"
    taken = set(execute(select(column).where(column.like(f"{slug}%"))).scalars())
    if slug not in taken:
        return slug
    return next(f"{slug}-{number}" for number in range(2, len(taken) + 3) if f"{slug}-{number}" not in taken)
