"""The worker: does what the outbox holds, mails and jobs, and starts what comes round every night or few minutes.

Several workers may run at once, each in its own process: a notice is claimed by one, and what comes round is written
to the outbox under a key of its day or minute, so that only one of them starts it.
"""

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta

from flask import Flask, current_app
from msgspec import Struct

from .base.clock import now
from .base.db import again, reading, transaction
from .domain import (
    aftersales,
    cash,
    checkout,
    coupons,
    earning,
    finance,
    interest,
    ledger,
    membership,
    notices,
    partners,
    people,
    programme,
    radar,
)
from .gateway.mailers import Mailer, mailer_for
from .web.mail import mail_for
from .web.shared.logs import log

BATCH = 20
PAUSE_SECONDS = 2.0
# Jobs done longer ago than this are forgotten, and rows put off that nobody had to try again.
KEEP_JOBS = timedelta(days=2)
# How far back the cashier is asked for what we did not hear.
CATCH_UP = timedelta(days=3)

Job = Callable[[datetime], None]


def expire_points(at: datetime) -> None:
    """Move out of all wallets what is past its last day: many members at a time, or where one stands in the way
    one at a time.
    """
    terms = terms_at(at)

    def one(member_id: int) -> None:
        with transaction():
            ledger.expire(ledger.lock(member_id, zone=terms.zone), at=at)

    try:
        tell_in_shares(lambda after: ledger.expire_due(zone=terms.zone, after=after, at=at))
    except Exception as error:  # noqa: BLE001 - Whoever stands in the way, the others are looked at one by one.
        log.error("expiring many at once failed", exc_info=error)
        with reading():
            due = ledger.due_to_expire(at=at)
        insist(notices.one_by_one("purse.expire", due, one, at=at))


def take_off_dormant(at: datetime) -> None:
    """Take growth off members who have done nothing for long, and announce what comes next."""
    terms = terms_at(at)
    tell_in_shares(lambda after: earning.take_off_dormant(terms=terms, after=after, at=at))


def review_levels(at: datetime) -> None:
    """End what was granted for a time, carry everybody over to levels that are new; then raise whoever has reached
    more, tell whoever may fall, lower whoever was told: many members at a time, or one at a time if one is in the way.
    """
    terms = terms_at(at)

    def end_grants() -> int:
        with transaction():
            return membership.end_grants(terms=terms, at=at)

    def carry() -> int:
        with transaction():
            return membership.carry(terms=terms, at=at)

    def one(member_id: int) -> None:
        with transaction():
            earning.review_level(member_id, terms=terms, at=at)

    for batch in (end_grants, carry):
        while again(batch):
            pass
    try:
        tell_in_shares(lambda after: earning.review_share(terms=terms, after=after, at=at))
    except Exception as error:  # noqa: BLE001 - Whoever stands in the way, the others are looked at one by one.
        log.error("reviewing many at once failed", exc_info=error)
        with reading():
            wanted = membership.to_review(terms=terms, at=at)
        insist(notices.one_by_one("level.review", wanted, one, at=at))
    with transaction():
        membership.note_review(terms=terms, at=at)


def celebrate(at: datetime) -> None:
    """Give members what their birthday and the day they joined on are worth: one member at a time."""
    terms = terms_at(at)
    with reading():
        birthdays = earning.due_birthdays(terms=terms, at=at)
        years = dict(earning.due_anniversaries(terms=terms, at=at))

    def birthday(member_id: int) -> None:
        with transaction():
            earning.celebrate_birthday(member_id, terms=terms, at=at)

    def anniversary(member_id: int) -> None:
        with transaction():
            earning.celebrate_anniversary(member_id, years=years[member_id], terms=terms, at=at)

    tallies = [
        notices.one_by_one("member.birthday", birthdays, birthday, at=at),
        notices.one_by_one("member.anniversary", list(years), anniversary, at=at),
    ]
    for tally in tallies:
        insist(tally)


def follow_levels(at: datetime) -> None:
    """Review everybody as soon as a version with other levels holds, so that nobody waits a night for theirs."""
    terms = terms_at(at)
    with reading():
        followed = membership.is_followed(terms)
    if not followed:
        review_levels(at)


def reward_invitations(at: datetime) -> None:
    """Give members what their invitations are worth by now: one after the other, some hundreds each time."""
    terms = terms_at(at)

    def one(friend_id: int) -> None:
        with transaction():
            earning.reward_invitation(friend_id, terms=terms, at=at)

    with reading():
        due = earning.due_invitations(terms=terms, at=at)
    notices.one_by_one(earning.REWARDING, due, one, at=at)


def insist(tally: notices.Tally) -> None:
    """Have the job tried again later when some of its rows were put off. Raises SomePutOff."""
    if tally.put_off:
        raise notices.SomePutOff(f"{len(tally.put_off)} put off, such as {tally.put_off[0]}")


def hear_cashier(at: datetime) -> None:
    """Act on what the cashier told us."""
    if (cashier := current_app.extensions["cashier"]) is not None:
        aftersales.hear_all(cashier=cashier, terms=terms_at(at))


def look_after_payments(at: datetime) -> None:
    """Ask about payments, let go what was not paid in time."""
    cashier, site = current_app.extensions["cashier"], current_app.config["PUBLIC_URL"]
    checkout.sweep(cashier=cashier, terms=terms_at(at), site=site)


def send_refunds(at: datetime) -> None:
    """Send the refunds that are due, and ask about those that have been under way for long."""
    if (cashier := current_app.extensions["cashier"]) is not None:
        terms = terms_at(at)
        sent = aftersales.send_refunds(cashier, terms=terms, at=at)
        for refund in sent.refused:
            log.error("refund refused", refund=refund.id, amount_cents=refund.amount_cents)
        asked = aftersales.ask_about_refunds(cashier, terms=terms, at=at)
        for told in (*sent.recorded, *asked):
            if told.fell_through:
                log.error("refund failed", refund=told.refund.id, tries=told.refund.tries, state=told.now)
        for told in asked:
            log.info("refund asked about", refund=told.refund.id, state=told.now)


def catch_up(at: datetime) -> None:
    """Ask the cashier what happened in the last days, in case a message of theirs never came.

    As far back as the last time that this succeeded, and in any case some days.
    """
    cashier = current_app.extensions["cashier"]
    if cashier is not None:
        with reading():
            last = notices.last_done("cashier.catch_up")
        since = at - CATCH_UP
        cash.catch_up(cashier, since=min(since, last) if last else since, at=at)


def reconcile(at: datetime) -> None:
    """Ask the cashier for its books since the last time, and hold them against ours."""
    found = finance.reconcile(current_app.extensions["cashier"], zone=terms_at(at).zone, at=at)
    for line in found.imported.differing:
        log.error("statement line changed", line=line.id, amount_cents=line.amount_cents)


def complete_orders(at: datetime) -> None:
    """Complete orders that were shipped long enough ago."""
    terms = terms_at(at)
    while checkout.complete_due(terms=terms, at=at):
        pass


def close_windows(at: datetime) -> None:
    """Close the return windows that have ended."""
    terms = terms_at(at)
    while aftersales.close_due_windows(terms=terms, at=at):
        pass


def tell_of_points(at: datetime) -> None:
    """Tell members of points that expire within 30 and within 7 days, many members at a time."""
    today = terms_at(at).today(at)
    tell_in_shares(lambda after: ledger.tell_expiring(today=today, after=after, at=at))


def tell_of_coupons(at: datetime) -> None:
    """Tell members of coupons that end soon, many members at a time."""
    zone = terms_at(at).zone
    tell_in_shares(lambda after: coupons.tell_expiring(after=after, zone=zone, at=at))


def tell_of_campaigns(at: datetime) -> None:
    """Tell members of campaigns to come, where their level hears of them earlier, many members at a time."""
    terms = terms_at(at)
    tell_in_shares(lambda after: earning.announce_campaigns(terms=terms, after=after, at=at))


def tell_of_levels(at: datetime) -> None:
    """Tell members of granted and paid levels that end soon, many members at a time."""
    terms = terms_at(at)
    tell_in_shares(lambda after: membership.tell_ending(after=after, terms=terms, at=at))


def tell_of_stock(at: datetime) -> None:
    """Tell members who wait for it of what is in stock again."""
    with transaction():
        interest.tell_back_in_stock(at=at)


def tell_in_shares(share: Callable[[int], int | None]) -> None:
    """Let a verb do one share of the members after the other, each committed; it returns where the next begins."""
    after: int | None = 0
    while after is not None:
        done = after

        def unit(begin: int = done) -> int | None:
            with transaction():
                return share(begin)

        after = again(unit)


def lapse_returns(at: datetime) -> None:
    """Announce and end returns whose goods do not come."""
    terms = terms_at(at)
    while aftersales.lapse_due_returns(terms=terms, at=at):
        pass


def keep_purchases(at: datetime) -> None:
    """Make ready what purchases gave whose partner's days are over: one purchase at a time."""
    terms = terms_at(at)
    with reading():
        due = partners.to_keep(at=at)

    def one(purchase_id: int) -> None:
        with transaction():
            partners.keep(purchase_id, terms=terms, at=at)

    insist(notices.one_by_one("purchase.keep", due, one, at=at))


def add_up_days(at: datetime) -> None:
    """Add up for finance the days that are over."""
    finance.roll_up(terms_at(at), at)


def keep_proof(at: datetime) -> None:
    """Prove the books and keep what was found, for the board of proofs."""
    finance.run_proof(by="system", at=at)


def look_around(at: datetime) -> None:
    """Look for signs of abuse, for the desk's radar: through everything at once, then what it makes of many members
    at a time.
    """
    limits = radar.Limits(**current_app.config["RADAR"])
    with reading(scan=True):
        signs = radar.all_signs(limits, at=at)
    tell_in_shares(lambda after: radar.note_signs(signs, after=after, at=at))


def tidy(at: datetime) -> None:
    """Delete what nobody will ask for again: jobs done, links, sign-ins, counts of tries, the cashier's old events,
    from where members checked in, baskets visitors have left.
    """
    with transaction():
        notices.forget(before=at - KEEP_JOBS)
        notices.forget_setbacks(before=at - KEEP_JOBS)
    with transaction():
        people.sweep_tokens(before=at)
        people.sweep_sign_ins(before=at - people.SIGN_INS_KEPT)
        people.sweep_throttle(at=at)
    with transaction():
        cash.forget_events(at=at)
    with transaction():
        partners.forget_answers(at=at)
        partners.forget_invitations(at=at)
    with transaction():
        interest.forget_views(before=at - interest.VIEWS_KEPT)
        earning.forget_networks(before=at - earning.NETWORKS_KEPT)

    def baskets() -> int:
        with transaction():
            return checkout.forget_baskets(at=at)

    while again(baskets):
        pass


class Round(Struct, frozen=True):
    """A job that comes round: every night of the shop when `minutes` is 0, else every so many minutes."""

    job: Job
    minutes: int = 0

    def key(self, name: str, at: datetime, day: date) -> str:
        """Return the key of the turn that an instant and its day in the shop fall in: the same for every worker."""
        if self.minutes == 0:
            return f"{name}:{day.isoformat()}"
        return f"{name}:{self.minutes}m:{int(at.timestamp()) // (self.minutes * 60)}"


JOBS: dict[str, Round] = {
    "points.expire": Round(expire_points),
    "points.tell": Round(tell_of_points),
    # Before the review: what dormancy gives back may raise.
    "growth.dormancy": Round(take_off_dormant),
    "levels.review": Round(review_levels),
    "members.celebrate": Round(celebrate),
    "levels.follow": Round(follow_levels, minutes=1),
    "coupons.tell": Round(tell_of_coupons),
    "campaigns.tell": Round(tell_of_campaigns, minutes=60),
    "levels.tell": Round(tell_of_levels),
    "cashier.catch_up": Round(catch_up),
    "cashier.statement": Round(reconcile),
    # Not nightly: a day is over for finance a minute after midnight.
    "finance.add_up": Round(add_up_days, minutes=10),
    "finance.prove": Round(keep_proof),
    "radar.look": Round(look_around),
    "house.tidy": Round(tidy),
    # Each of these by itself: what is wrong with one keeps none of the others from running.
    "cashier.hear": Round(hear_cashier, minutes=1),
    "payments.look_after": Round(look_after_payments, minutes=1),
    "refunds.send": Round(send_refunds, minutes=1),
    "orders.complete": Round(complete_orders, minutes=10),
    "windows.close": Round(close_windows, minutes=10),
    "invitations.reward": Round(reward_invitations, minutes=1),
    "stock.tell": Round(tell_of_stock, minutes=1),
    "returns.lapse": Round(lapse_returns),
    "purchases.keep": Round(keep_purchases, minutes=10),
}


def terms_at(at: datetime) -> programme.Programme:
    """Return the programme in force."""
    with reading():
        return programme.current(at)


def start_rounds(at: datetime, started: set[str]) -> int:
    """Write to the outbox whatever comes round now, once however many workers do. Returns how many were new.

    `started` is this worker's memory of the turns it need not write again.
    """
    try:
        day = terms_at(at).today(at)
    except programme.NoProgramme:
        return 0
    turns = {turn.key(name, at, day): name for name, turn in JOBS.items()}
    if turns.keys() <= started:
        return 0
    with transaction():
        new = sum(notices.later(name, {}, key=key, at=at) for key, name in turns.items() if key not in started)
    started.clear()
    started.update(turns)
    return new


def drain(mailer: Mailer) -> int:
    """Do what is due now, one after the other. Returns how many were tried.

    Mails are claimed by the batch. A job may take long, so each is claimed when it is its turn. Of the mails that go
    to many one batch is sent when nothing else is due: what comes round is started between two of them.
    """
    tried = 0
    while claimed := claim(notices.MAIL, limit=BATCH) or claim(notices.JOB, limit=1):
        tried += sum(attempt(notice, mailer) for notice in claimed)
    return tried + sum(attempt(notice, mailer) for notice in claim(notices.BULK, limit=BATCH))


def claim(channel: str, *, limit: int) -> list[notices.Claimed]:
    """Take some of what is due of a channel; a worker with nothing to do writes nothing."""
    with reading():
        if not notices.is_due(channel, at=now()):
            return []
    with transaction():
        return notices.claim(at=now(), limit=limit, channel=channel)


def attempt(notice: notices.Claimed, mailer: Mailer) -> bool:
    """Do one notice outside any transaction, and mark what came of it. Returns False when it is another's by now."""
    with transaction():
        if not notices.renew(notice, at=now()):
            return False
    try:
        perform(notice, mailer)
    except Exception as error:  # noqa: BLE001 - The outermost edge: whatever went wrong is kept and tried again.
        with transaction():
            kept = notices.failed(notice, f"{type(error).__name__}: {error}", at=now())
        log.error("notice failed", notice=notice.id, kind=notice.kind, tries=notice.tries, kept=kept, exc_info=error)
        return True
    with transaction():
        notices.done(notice, at=now())
    return True


def perform(notice: notices.Claimed, mailer: Mailer) -> None:
    """Send a mail, or do a job."""
    if notice.channel == notices.JOB:
        JOBS[notice.kind].job(now())
    elif mail := mail_for(notice):
        mailer.send(mail)


def work(stop: threading.Event, *, once: bool = False) -> int:
    """Work until told to stop, pausing when there is nothing to do; or once. Returns how many notices were tried."""
    mailer = mailer_for(current_app.config)
    started: set[str] = set()
    tried = 0
    while not stop.is_set():
        done = 0
        try:
            start_rounds(now(), started)
            done = drain(mailer)
            tried += done
        except Exception as error:
            if once:
                raise
            log.error("worker", exc_info=error)
        if not done:
            if once:
                break
            stop.wait(PAUSE_SECONDS)
    return tried


def run_in_background(app: Flask) -> Callable[[], None]:
    """Work in a thread of this process, for the demo. Returns what stops it, and waits for the notice in hand."""
    stop = threading.Event()

    def in_context() -> None:
        with app.app_context():
            work(stop)

    thread = threading.Thread(target=in_context, name="worker", daemon=True)
    thread.start()

    def stop_it() -> None:
        stop.set()
        thread.join()

    return stop_it
