"""The forms of what one drafts and another approves, and how such a thing stands, in words."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import DataRequired

from mall.domain import catalogue, earning
from mall.web.shared import layout
from mall.web.shared.forms import at_most, put, words_of
from mall.web.shared.texts import LANGUAGES, local

from .fields import LONGEST_REASON, Moment
from .scoped_forms import CHOSEN, ScopedForm

EVER = datetime.min.replace(tzinfo=UTC)


class DraftForm(ScopedForm):
    """What has a time, is for some goods and members, and is asked for with a reason. `PLAIN` are fields named as the
    columns they fill, `NAMELESS` is said where the name is missing.
    """

    NAMELESS: ClassVar[str] = ""
    PLAIN: ClassVar[tuple[str, ...]] = ()

    starts_at = Moment(_l("Begins"))
    ends_at = Moment(_l("Ends"))
    reason = TextAreaField(
        _l("What it is to bring"),
        [DataRequired(_l("Say why; it is kept with the request to approve it.")), at_most(LONGEST_REASON)],
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields; where one is wrong, say with it what is wrong with name and time, not only next."""
        sound = super().validate(extra_validators)
        if not sound:
            if not any(self[f"title_{language}"].data for language in LANGUAGES):
                put(self.title_en, words_of(self.NAMELESS))
            try:
                # Whether it is over already depends on how it stands, which its room knows.
                earning.check_window({"starts_at": self.starts_at.data, "ends_at": self.ends_at.data}, at=EVER)
            except earning.BadDraft as bad:
                if not self[bad.field].errors:
                    self.refuse(bad, at=bad.field)
        return sound

    def details(self) -> dict[str, Any]:
        """Return what was typed, as earning takes it."""
        names = ("starts_at", "ends_at", *self.PLAIN, "reason")
        return {**super().details(), **{name: self[name].data for name in names}}

    @classmethod
    def filled(cls, row: Any, scope_ids: list[int], scope_skus: list[str], *, reason: str) -> Self:
        """Return the form with a draft in it as it stands."""
        return cls(
            formdata=None,
            data={
                "seen_version": str(row.version),
                **{f"title_{language}": row.title.get(language, "") for language in LANGUAGES},
                **{name: getattr(row, name) for name in ("starts_at", "ends_at", *cls.PLAIN, *CHOSEN)},
                "categories": scope_ids if row.scope == "category" else [],
                "skus": ", ".join(scope_skus),
                "reason": reason,
            },
        )


def scope_words(row: Any, scope_ids: list[int]) -> str:
    """Return what a campaign or a stamp card is for, in words, inside a reading()."""
    if row.scope == "category":
        names = {each.id: local(each.title) for each in catalogue.categories()}
        return ", ".join(names[id_] for id_ in scope_ids if id_ in names)
    if row.scope == "product":
        return ", ".join(catalogue.skus_of(scope_ids))
    return _("Everything")


def level_words(min_rank: int) -> str:
    """Return whom a campaign or a stamp card is for, in words."""
    if not min_rank:
        return _("Everybody")
    return _("%(level)s and above", level=local(layout.terms().level(min_rank).name))


STATES = {
    "draft": (_l("Draft"), "warn"),
    "planned": (_l("Planned"), "info"),
    "running": (_l("Running"), "ok"),
    "full": (_l("Used up"), ""),
    "over": (_l("Over"), ""),
    "ended": (_l("Ended early"), ""),
}


def state_words(state: str) -> tuple[str, str]:
    """Return where a campaign or a stamp card stands, for its badge: (words, kind)."""
    words, kind = STATES[state]
    return str(words), kind
