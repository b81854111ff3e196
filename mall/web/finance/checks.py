"""The board of proofs: what must always be true, when it was last asked, and what broke it."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import finance
from mall.web.shared.signing_in import person

from .evidence import evidence_of

bp = Blueprint("checks", __name__, url_prefix="/checks")


@bp.get("")
def index():
    """Show the last proof, what failed first, and what should be looked at now."""
    with reading():
        proof = finance.last_proof()
        watched = finance.watched(at=now())
        days = finance.watermark()
        who = finance.name_of(proof.asked_by) if proof else ""
        found = [result for result in (*(proof.failed if proof else ()), *watched) if result.examples]
        tables = finance.tables_of(at=now()) if found else {}
        evidence = {result.name: evidence_of(result.examples, tables=tables.get(result.name, {})) for result in found}
    return render_template(
        "finance/checks/index.html", proof=proof, watched=watched, rolled_up=days, who=who, evidence=evidence
    )


@bp.post("/runs")
def run():
    """Ask every check now."""
    proof = finance.run_proof(by=person().actor, at=now())
    if proof.ok:
        flash(_("Every check passed."), "ok")
    else:
        count = len(proof.failed)
        flash(ngettext("%(num)s check failed.", "%(num)s checks failed.", count), "bad")
    return redirect(url_for("finance.checks.index"))
