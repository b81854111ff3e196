"""Campaigns at the desk: one makes them, another approves them; they change until they begin, and may end early."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import approvals, audit, ledger, programme, repeats

from . import drafts
from .campaigns import LEAST_PERCENT, MOST_PERCENT, CampaignRow, CampaignScope, campaign_of_rule
from .drafts import APPROVED, DRAFT, ENDED, SCOPES

KIND = "campaign"
CAMPAIGN_NAMELESS = N_("Give the campaign a name.")
MOST_POINTS = 1_000_000_000
DETAILS = ("title", "starts_at", "ends_at", "multiplier_percent", "min_rank", "scope", "cap_points")


_MADE = N_(
    "This form was sent before: it has drafted the campaign “{title}”. Nothing more was done. Change that one, or send"
    " this form again for another."
)


class NoSuchCampaign(NotFound):
    message = N_("There is no such campaign.")


class CampaignBegun(Refusal):
    message = N_("The campaign has begun, so its figures stay. End it early, and make another one.")


class CampaignChanged(Refusal):
    message = N_("Somebody else changed this campaign meanwhile. Look at it as it is now, then go on.")


class CampaignOver(Refusal):
    message = N_("The time of this campaign is over. Change its dates first.")


class NotRunning(Refusal):
    message = N_("This campaign was not approved, or is over: there is nothing to end.")


def make_campaign(*, key: str, terms: programme.Programme, by: str, at: datetime, reason: str, **details: Any) -> int:
    """Write down a campaign and ask for its approval. Returns its id; with the same key again, the first one's.

    Details: title, starts_at, ends_at, multiplier_percent, min_rank, scope, scope_ids, cap_points. Raises BadDraft,
    and repeats.SentOtherwise for another with the same key.
    """
    assert in_transaction()
    sent = repeats.Sent(KIND, key, by, details | {"reason": reason})
    if (made := execute(select(CampaignRow.id).where(CampaignRow.key == key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return made
    scope_ids = details.pop("scope_ids", ())
    values = _checked(details, terms, at=at)
    campaign_id = execute(
        insert(CampaignRow)
        .values(**values, key=key, issued_points=0, state=DRAFT, version=1, made_at=at)
        .returning(CampaignRow.id)
    ).scalar_one()
    _set_scope(campaign_id, values["scope"], scope_ids)
    audit.write("campaign.made", by=by, subject=subject_of(campaign_id), at=at, after=_kept(campaign_id))
    drafts.ask(KIND, campaign_id, 1, by=by, at=at, reason=reason)
    repeats.keep(sent, done=say(_MADE, title=dict(values["title"])), at=at)
    return campaign_id


def edit_campaign(
    campaign_id: int,
    *,
    seen_version: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
    reason: str,
    **details: Any,
) -> None:
    """Change a campaign that has not begun, and ask for its approval anew: it is a draft again.

    Raises NoSuchCampaign, CampaignChanged, CampaignBegun, BadDraft.
    """
    row = _locked(campaign_id)
    if row.version != seen_version:
        raise CampaignChanged()
    if row.state == ENDED or (row.state == APPROVED and row.starts_at <= at):
        raise CampaignBegun()
    before = _kept(campaign_id)
    scope_ids = details.pop("scope_ids", before["scope_ids"])
    values = _checked(details, terms, at=at)
    version = row.version + 1
    execute(
        update(CampaignRow)
        .where(CampaignRow.id == campaign_id)
        .values(**values, state=DRAFT, approved_at=None, version=version)
    )
    _set_scope(campaign_id, values["scope"], scope_ids)
    audit.write(
        "campaign.changed", by=by, subject=subject_of(campaign_id), at=at, before=before, after=_kept(campaign_id)
    )
    drafts.ask_anew(KIND, campaign_id, version, by=by, at=at, reason=reason)


def approve_campaign(campaign_id: int, *, seen_version: int, by: str, at: datetime, other_approvers: int) -> None:
    """Let a campaign run, from its beginning or, where that is past, from now. Approved by the same person: done.

    Raises NoSuchCampaign, CampaignChanged, CampaignOver, and what approvals.approve() raises.
    """
    row = _locked(campaign_id)
    drafts.let_run(
        CampaignRow,
        KIND,
        row,
        seen_version=seen_version,
        by=by,
        at=at,
        other_approvers=other_approvers,
        changed=CampaignChanged,
        over=CampaignOver,
    )


def decline_campaign(campaign_id: int, *, by: str, at: datetime, reason: str) -> None:
    """Decline a campaign; who asked may withdraw it this way. It stays a draft. Raises NoSuchCampaign, AlreadyDecided.

    It can be changed, and is then asked for again.
    """
    _locked(campaign_id)
    approvals.decline(drafts.request_for(KIND, campaign_id).id, by=by, at=at, reason=reason)


def note_campaign_not_apart(campaign_id: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve a campaign who may be the one that asked for it."""
    approvals.note_not_apart(drafts.request_for(KIND, campaign_id).id, by=by, at=at)


def end_campaign(campaign_id: int, *, by: str, at: datetime, reason: str) -> bool:
    """End a campaign before its time: orders placed from now on are not in it, those placed keep what they were told.

    Returns whether this call did it. Raises NoSuchCampaign, NotRunning.
    """
    row = _locked(campaign_id)
    return drafts.end_early(CampaignRow, KIND, row, by=by, at=at, reason=reason, not_running=NotRunning)


def campaign_state(row: Any, at: datetime) -> str:
    """Return where a campaign stands: draft, planned, running, full (its points are given), over, ended. Pure."""
    return drafts.state_of(row, at, is_full=row.cap_points is not None and row.issued_points >= row.cap_points)


def campaigns(*, page: int, per_page: int) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of campaigns, the latest to begin first, and how many there are. Each with what it has `given`."""
    return drafts.page_of(CampaignRow, page=page, per_page=per_page)


def given_by_campaigns(campaign_ids: Sequence[int] | None = None) -> dict[int, tuple[int, int]]:
    """Return what campaigns have given: {id: (orders, points)}. One statement; all of them unless told which."""
    lot = ledger.Lot
    mine = (
        lot.rule.like("campaign:%") if campaign_ids is None else lot.rule.in_([f"campaign:{n}" for n in campaign_ids])
    )
    rows = execute(
        select(lot.rule, func.count().label("orders"), func.sum(lot.points).label("points"))
        .where(lot.origin == "campaign", mine)
        .group_by(lot.rule)
    )
    return {campaign_of_rule(row.rule) or 0: (row.orders, int(row.points)) for row in rows}


def campaign_of(campaign_id: int) -> Row[Any]:
    """Return a campaign as the desk keeps it. Raises NoSuchCampaign."""
    return drafts.row_of(CampaignRow, campaign_id, missing=NoSuchCampaign)


def scope_of_campaign(campaign_id: int) -> list[int]:
    """Return the ids of the categories or products a campaign is for, ascending; none when it is for all."""
    return drafts.scope_ids(CampaignScope, CampaignScope.campaign_id, campaign_id)


def last_request_of(campaign_id: int) -> Row[Any] | None:
    """Return the latest request to approve a campaign, decided or not."""
    return drafts.last_request(KIND, campaign_id)


def subject_of(campaign_id: int) -> str:
    """Return what audit and approvals know a campaign by."""
    return drafts.subject_of(KIND, campaign_id)


def _locked(campaign_id: int) -> Row[Any]:
    return drafts.row_of(CampaignRow, campaign_id, missing=NoSuchCampaign, locked=True)


def _kept(campaign_id: int) -> dict[str, Any]:
    """Return a campaign as the audit keeps it."""
    row = campaign_of(campaign_id)
    return {name: getattr(row, name) for name in DETAILS} | {"scope_ids": scope_of_campaign(campaign_id)}


def _set_scope(campaign_id: int, scope: str, scope_ids: Sequence[int]) -> None:
    """Write what a campaign is for. Raises BadDraft when that is nothing, or not there."""
    drafts.set_scope(
        CampaignScope,
        CampaignScope.campaign_id,
        campaign_id,
        scope=scope,
        ids=scope_ids,
        nothing=N_("Choose what the campaign is for."),
    )


def _checked(details: Mapping[str, Any], terms: programme.Programme, *, at: datetime) -> dict[str, Any]:
    """Return the columns of a campaign, cleaned. Raises BadDraft. Pure."""
    values: dict[str, Any] = {name: details.get(name) for name in DETAILS}
    values["title"] = drafts.clean_title(values["title"], missing=CAMPAIGN_NAMELESS)
    drafts.check_window(values, at=at)
    drafts.check_within(values, "multiplier_percent", LEAST_PERCENT, MOST_PERCENT)
    drafts.check_within(values, "min_rank", 0, len(terms.levels))
    if values["cap_points"] is not None:
        drafts.check_within(values, "cap_points", 1, MOST_POINTS)
    if values["scope"] not in SCOPES:
        drafts.refuse(N_("Choose what the campaign is for."), about="scope")
    return values
