"""Plain text accounting: a journal written the way hledger and beancount read it, balances and all."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

from mall.base.errors import Refusal
from mall.base.text import N_

from .journal import Balance, Journal, JournalEntry, JournalLine

POINTS = "PTS"
FORMATS = ("hledger", "beancount")
_UNSAFE = re.compile(r"[^\w/.-]+")


class NoSuchFormat(Refusal):
    message = N_("There is no journal format “{given}”. Choose hledger or beancount.")


def journal_text(journal: Journal, *, form: str) -> Iterator[str]:
    """Yield a journal line by line. Raises NoSuchFormat."""
    if form not in FORMATS:
        raise NoSuchFormat(given=form[:20])
    return _hledger(journal) if form == "hledger" else _beancount(journal)


def account_name(journal: Journal, key: str) -> str:
    """Return the name of an account; a cashier's stands below that of all cashiers."""
    base, _, below = key.partition(":")
    name = journal.names[base]
    return f"{name}:{below.title()}" if below else name


def money(cents: int, currency: str) -> str:
    """Write cents as a plain amount: -1234 -> "-12.34 EUR"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02} {currency}"


def numbers_in_short(ids: Iterable[int]) -> str:
    """Write numbers in short: 1, 2, 3, 7 -> "1-3 7"."""
    parts: list[list[int]] = []
    for number in sorted(ids):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(str(number) for number in part) for part in parts)


def documents(names: Iterable[str]) -> str:
    """Write documents in short: numbers as above, others one after the other, without odd characters."""
    every = list(names)
    counted = numbers_in_short(int(name) for name in every if name.isdigit())
    return " ".join(
        [*([counted] if counted else []), *(_UNSAFE.sub("/", name) for name in every if not name.isdigit())]
    )


def _hledger(journal: Journal) -> Iterator[str]:
    yield f"; {_title(journal)}"
    yield ""
    yield f"commodity 1000.00 {journal.currency}"
    yield f"commodity 1000. {POINTS}"
    for name in _accounts(journal):
        yield f"account {name}"
    for day, entries, balances in _days(journal):
        for entry in entries:
            yield ""
            yield f"{day} {entry.name}"
            yield from (f"    ; {name}: {words}" for name, words in _tags(entry))
            yield from (f"    {words}" for line in entry.lines for words in _amounts(journal, line))
        if balances:
            yield ""
            yield f"{day} Balances"
            for balance in balances:
                name = account_name(journal, balance.account)
                yield f"    {name}  0.00 {journal.currency} =* {money(balance.cents, journal.currency)}"
                if balance.points is not None:
                    yield f"    {name}  0 {POINTS} =* {balance.points} {POINTS}"


def _beancount(journal: Journal) -> Iterator[str]:
    yield f"; {_title(journal)}"
    yield ""
    yield f'option "operating_currency" "{journal.currency}"'
    for commodity in (journal.currency, POINTS):
        yield f"{journal.first} commodity {commodity}"
    for name in _accounts(journal):
        yield f"{journal.first} open {name}"
    for day, entries, balances in _days(journal):
        for entry in entries:
            yield ""
            yield f'{day} * "{entry.name}"'
            yield from (f'  {name}: "{words}"' for name, words in _tags(entry))
            yield from (f"  {words}" for line in entry.lines for words in _amounts(journal, line))
        if balances:
            # A balance holds at the beginning of its day.
            tomorrow = day + timedelta(days=1)
            yield ""
            for balance in balances:
                name = account_name(journal, balance.account)
                amount, currency = money(balance.cents, journal.currency).split(" ")
                yield f"{tomorrow} balance {name}  {amount} ~ 0 {currency}"
                if balance.points is not None:
                    yield f"{tomorrow} balance {name}  {balance.points} ~ 0 {POINTS}"


def _days(journal: Journal) -> Iterator[tuple[date, list[JournalEntry], list[Balance]]]:
    """Yield each day with its entries and the balances at its end."""
    entries = {day: list(group) for day, group in groupby(journal.entries, key=lambda entry: entry.day)}
    balances = {day: list(group) for day, group in groupby(journal.balances, key=lambda balance: balance.day)}
    for day in sorted({*entries, *balances}):
        yield day, entries.get(day, []), balances.get(day, [])


def _accounts(journal: Journal) -> list[str]:
    """Return the names of every account used."""
    keys = {line.account for entry in journal.entries for line in entry.lines}
    keys |= {balance.account for balance in journal.balances}
    return sorted(account_name(journal, key) for key in keys)


def _amounts(journal: Journal, line: JournalLine) -> Iterator[str]:
    name = account_name(journal, line.account)
    if line.cents:
        yield f"{name}  {money(line.cents, journal.currency)}"
    if line.points:
        yield f"{name}  {line.points} {POINTS}"


def _tags(entry: JournalEntry) -> Iterator[tuple[str, str]]:
    if entry.documents:
        yield "documents", documents(entry.documents)
    if entry.postings:
        yield "postings", numbers_in_short(entry.postings)


def _title(journal: Journal) -> str:
    shop = " ".join(journal.shop_name.split())
    return (
        f"{shop}: {journal.first} to {journal.last}, points at worth, ledger read up to"
        f" {journal.until.isoformat(timespec='seconds')}. A draft until its period is closed."
    )
