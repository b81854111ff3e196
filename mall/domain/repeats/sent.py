"""What a form's key stood for the first time: a digest of what was sent, what it led to, and that in a sentence.

Of two that are sent at once one is first by the key; the other is tried again and finds what was kept.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row, String, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message, Said

LONGEST_KEY = 160


class SentForm(db.Model):
    """A form that was done: by its key, with the digest of what it said. `answer` is the id it led to, if any."""

    __tablename__ = "sent_form"

    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    answer: Mapped[int | None]
    done: Mapped[Message] = mapped_column(Said)
    at: Mapped[datetime] = mapped_column(Instant)


append_only(SentForm)


class SentBefore(Refusal):
    """What a form's key stands for was done or decided before. A form that is given back has another key."""


class SentOtherwise(SentBefore):
    """A form was sent before with other values. Its sentence says what was done then."""


class Sent(Struct, frozen=True):
    """A form as it is sent: what it does, its key, by whom, and all that it says. Never what the clock adds.

    Without a key it was no form: of such a one nothing is kept, and nothing refused.
    """

    act: str
    form_key: str | None
    by: str
    says: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What it is kept under: the same form's key for another act is another."""
        return f"{self.act}:{self.form_key}"[:LONGEST_KEY]

    @property
    def digest(self) -> str:
        """What tells it from another with the same key: the same whatever the order of names and of sets."""
        plain = msgspec.to_builtins([self.by, dict(self.says)], str_keys=True, order="deterministic")
        return sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def refuse_other(sent: Sent) -> None:
    """Refuse a form whose key was used with other values: SentOtherwise. New, or sent before with these: nothing."""
    _kept(sent)


def answer_to(sent: Sent) -> int | None:
    """Return the id that the same form led to before, or None where it is new. Raises SentOtherwise."""
    kept = _kept(sent)
    return None if kept is None else kept.answer


def keep(sent: Sent, *, done: Message, at: datetime, answer: int | None = None) -> None:
    """Keep what a form was done with. `done` is what is said to who sends it again with other values."""
    assert in_transaction()
    if not sent.form_key:
        return
    execute(insert(SentForm).values(key=sent.key, digest=sent.digest, answer=answer, done=done, at=at))


def _kept(sent: Sent) -> Row[Any] | None:
    if not sent.form_key:
        return None
    kept = execute(select(SentForm).where(SentForm.key == sent.key)).one_or_none()
    if kept is not None and kept.digest != sent.digest:
        raise SentOtherwise(kept.done.text, **kept.done.values)
    return kept
