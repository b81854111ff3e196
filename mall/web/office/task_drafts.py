"""Tasks at the desk: what each pays, how often, when and to whom - drafted as a version, approved as any other."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, FormField, HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, NumberRange, Optional

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import programme
from mall.web.shared.forms import Form, Whole, at_most, fresh_key, put
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page
from mall.web.shared.task_words import task_title
from mall.web.shared.texts import local, sentence

from .fields import LONGEST_REASON, Cents, Moment, needed
from .programme import draft_once, drafts, task_words


def between(least: int, most: int) -> NumberRange:
    """Return the check that a number lies within bounds."""
    return NumberRange(least, most, _l("Choose from %(least)s to %(most)s.", least=least, most=most))


def cap(label: Any) -> Whole:
    """Return the field of a cap: empty, there is none."""
    return Whole(label, [Optional(), between(1, programme.MOST_TIMES)])


class TaskFields(Form):
    """One task."""

    class Meta(Form.Meta):
        """The whole form has the token."""

        csrf = False

    active = BooleanField(_l("On"))
    points = Whole(_l("Points"), [needed(_l("Enter a whole number.")), between(0, programme.MOST_POINTS)])
    growth = Whole(_l("Growth"), [needed(_l("Enter a whole number.")), between(0, programme.MOST_GROWTH)])
    per_day = cap(_l("Most a day"))
    per_month = cap(_l("Most a month"))
    in_all = cap(_l("Most a member"))
    from_rank = SelectField(_l("From level"), coerce=int, validate_choice=False)
    begins_on = DateField(_l("First day"), [Optional()])
    ends_on = DateField(_l("Last day"), [Optional()])
    least_cents = Cents(_l("Order of at least"), [Optional()])


class TasksForm(Form):
    """All tasks as they are to be. `key` makes a form that is sent twice one draft."""

    key = HiddenField()
    based_on = HiddenField()
    begins_at = Moment(_l("Holds from"))
    reason = TextAreaField(
        _l("What changes, and why"),
        [DataRequired(_l("Say why; it is kept with the version.")), at_most(LONGEST_REASON)],
    )

    def each(self) -> Iterator[tuple[str, Any]]:
        """Return the tasks' own forms by their keys."""
        return ((key, self[key].form) for key in programme.TASK_KEYS)

    def refuse_setting(self, setting: str, problem: Any) -> None:
        """Show what is wrong with a task at its field."""
        _tasks, _dot, rest = setting.partition(".")
        key, _dot, name = rest.partition(".")
        if key not in programme.TASK_KEYS:
            self.form_errors.append(sentence(problem))
            return
        fields = self[key].form
        at = fields[name or "points"]
        if not at.errors:
            put(at, sentence(problem))


for _key in programme.TASK_KEYS:
    setattr(TasksForm, _key, FormField(TaskFields))


@drafts.route("/tasks", methods=["GET", "POST"])
def tasks():
    """Draft a change of the tasks; nothing holds before another administrator has approved it."""
    with reading():
        newest = programme.newest()
        before = programme.version(newest)
    shown = {task.key: task for task in tasks_shown(before)}
    form = TasksForm(key=fresh_key(), based_on=str(newest), data=dict(shown))
    for _key, fields in form.each():
        fields.from_rank.choices = [SelectChoice(level.rank, local(level.name)) for level in before.levels]
    refusal: Refusal | None = None
    if form.validate_on_submit() and no_problems(form, before):
        try:
            _draft(form, before, shown, at=now())
        except programme.BadSetting as bad:
            form.refuse_setting(bad.setting, bad)
        except Refusal as no:
            refusal = no
        else:
            flash(_("Drafted. Nothing changes before it is approved."), "info")
            return redirect(url_for("office.programme.show"), 303)
    return form_page(
        "office/programme/tasks.html",
        refused=request.method == "POST",
        refusal=refusal,
        form=form,
        before=before,
        order_tasks=programme.ORDER_TASKS,
        growth_only=programme.GROWTH_ONLY,
        title_of=task_title,
        words_of={key: task_words(task, before) for key, task in shown.items()},
    )


def tasks_shown(terms: programme.Programme) -> list[programme.Task]:
    """Return every task there may be: as a version has it, else as a new shop would, and off."""
    return [terms.task(key) or programme.ready_made_task(key, active=False) for key in programme.TASK_KEYS]


def wanted_tasks(form: TasksForm) -> list[programme.Task]:
    """Return the tasks that a form asks for."""
    names = programme.Task.__struct_fields__
    return [
        programme.Task(key, **{name: fields[name].data for name in names if name not in ("key", "least_cents")},
                       least_cents=fields.least_cents.data or 0)
        for key, fields in form.each()
    ]  # fmt: skip


def no_problems(form: TasksForm, before: programme.Programme) -> bool:
    """Put what is wrong with the tasks at their fields, all at once. Tell whether nothing is."""
    problems = list(programme.task_problems(tuple(wanted_tasks(form)), levels=len(before.levels)))
    for setting, problem in problems:
        form.refuse_setting(setting, problem)
    return not problems


def _draft(form: TasksForm, before: programme.Programme, shown: dict[str, programme.Task], *, at: datetime) -> None:
    """Draft what the form says. Raises BadSetting, ThingsChanged, NothingChanged."""
    if whole(form.based_on.data) != before.version:
        raise programme.ThingsChanged(version=before.version)
    wanted = wanted_tasks(form)
    if wanted == list(shown.values()):
        raise programme.NothingChanged
    settings = programme.settings_of(before) | {"tasks": [programme.settings_of_task(task) for task in wanted]}
    draft_once(settings, form, before, at=at)
