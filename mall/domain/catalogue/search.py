"""Search: our own table of grams, so that the same question finds the same items on both databases.

A word is kept whole ("=mug") and as its letter trigrams; signs of Chinese, Japanese and Korean singly
("=杯") and in pairs.
A term of the question finds a product when its word is there, or most of its grams are; ranking adds up weights.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ForeignKey, Index, String, Subquery, and_, bindparam, case, delete, func, insert, select

from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

MOST_TERMS = 8
LONGEST_QUESTION = 100
LONGEST_WORD = 32
TITLE_WORD, TITLE_PART, TAG_WORD, TEXT_WORD, TEXT_PART = 40, 8, 20, 3, 1
WHOLE_WORD = 1_000

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Not compiled here: that takes as long as a page, and not every process searches. `re` keeps them once it has.
_RUNS = rf"[{_CJK}]+|[^\W_{_CJK}]+"
_IS_CJK = rf"[{_CJK}]"


class Gram(db.Model):
    """A piece of a product's words in one language, and how much finding it counts."""

    __tablename__ = "gram"
    __table_args__ = (Index(None, "product_id"), {"sqlite_with_rowid": False})

    gram: Mapped[str] = mapped_column(String(LONGEST_WORD + 1), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    weight: Mapped[int]


class TooManyWords(Refusal):
    message = N_("Search for {most} words at most.")


class TooManyLetters(TooManyWords):
    message = N_("Search for {most} letters at most.")


class Term(Struct, frozen=True):
    """One word of a question: its whole-word gram, its parts, and how many parts must be found."""

    word: str
    parts: tuple[str, ...]
    needed: int


NOTHING = Term("=", (), WHOLE_WORD)


def terms_of(question: str) -> list[Term]:
    """Return the terms of a question, each once; one without letters or digits has a term that nothing meets.

    Raises TooManyWords, before anything expensive is done.
    """
    if len(question) > LONGEST_QUESTION:
        raise TooManyLetters(most=LONGEST_QUESTION)
    words = list(dict.fromkeys(_runs(question)))
    if question.strip() and not words:
        return [NOTHING]
    if len(words) > MOST_TERMS:
        raise TooManyWords(most=MOST_TERMS)
    terms = []
    for word in words:
        parts = tuple(_parts(word))
        # Three parts in five: one wrong letter in a longer word is forgiven.
        terms.append(Term(f"={word}", parts, -(-len(parts) * 3 // 5) or WHOLE_WORD))
    return terms


def grams_of(
    title: Mapping[str, str], texts: Mapping[str, str] | None = None, tags: Iterable[str] = ()
) -> dict[tuple[str, str], int]:
    """Return what is found of a product: {(language, gram): weight}. Pure."""
    weights: dict[tuple[str, str], int] = {}

    def add(language: str, gram: str, weight: int) -> None:
        weights[language, gram] = max(weight, weights.get((language, gram), 0))

    for language, words in title.items():
        for word in _runs(words):
            for gram in _wholes(word):
                add(language, gram, TITLE_WORD)
            for gram in _parts(word):
                add(language, gram, TITLE_PART)
    for tag in tags:
        for word in _runs(tag):
            for gram in [*_wholes(word), *_parts(word)]:
                add("", gram, TAG_WORD)
    for language, words in (texts or {}).items():
        for word in _runs(re.sub(r"<[^>]*>", " ", words)):
            for gram in _wholes(word):
                add(language, gram, TEXT_WORD)
            if re.match(_IS_CJK, word):
                for gram in _parts(word):
                    add(language, gram, TEXT_PART)
    return weights


def index(product_id: int, grams: Mapping[tuple[str, str], int]) -> None:
    """Let a product be found by these grams, and no others."""
    execute(delete(Gram).where(Gram.product_id == product_id))
    rows = [
        {"product_id": product_id, "language": language, "gram": gram, "weight": weight}
        for (language, gram), weight in grams.items()
    ]
    if rows:
        execute(insert(Gram), rows)


@lru_cache(maxsize=MOST_TERMS + 1)
def hits(count: int) -> Subquery:
    """Return the select of (product_id, score) that answers a question of so many terms; values_for() fills it."""
    found = (
        select(Gram.product_id, Gram.gram, func.max(Gram.weight).label("weight"))
        .where(Gram.gram.in_(bindparam("grams", expanding=True)))
        .group_by(Gram.product_id, Gram.gram)
        .subquery("found")
    )

    def met(number: int) -> Any:
        points = case(
            (found.c.gram == bindparam(f"word_{number}"), WHOLE_WORD),
            (found.c.gram.in_(bindparam(f"parts_{number}", expanding=True)), 1),
            else_=0,
        )
        return func.sum(points) >= bindparam(f"needed_{number}")

    return (
        select(found.c.product_id, func.sum(found.c.weight).label("score"))
        .group_by(found.c.product_id)
        .having(and_(*[met(number) for number in range(count)]))
        .subquery("hits")
    )


def values_for(terms: list[Term]) -> dict[str, Any]:
    """Return the values of hits(len(terms))."""
    values: dict[str, Any] = {"grams": sorted({gram for term in terms for gram in (term.word, *term.parts)})}
    for number, term in enumerate(terms):
        values |= {f"word_{number}": term.word, f"parts_{number}": list(term.parts), f"needed_{number}": term.needed}
    return values


def _runs(words: str) -> list[str]:
    """Split words into runs of one script, all in small letters; full-width forms count as plain ones."""
    plain = unicodedata.normalize("NFKC", words).casefold()
    return [run[:LONGEST_WORD] for run in re.findall(_RUNS, plain)]


def _wholes(word: str) -> list[str]:
    return [f"={word}", *(f"={sign}" for sign in word)] if re.match(_IS_CJK, word) else [f"={word}"]


def _parts(word: str) -> list[str]:
    size = 2 if re.match(_IS_CJK, word) else 3
    return list(dict.fromkeys(word[start : start + size] for start in range(len(word) - size + 1)))
