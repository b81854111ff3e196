"""Welcome: who becomes a member, and what they get the moment they register."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from mall.domain import ledger, membership, people, programme

from .facts import Fact
from .invitation_rewards import look_at_invitation
from .invitations import Invited, note_invitation
from .tasks import did


class Newcomer(Struct, frozen=True):
    """Who is about to become a member: everything that is found out before a transaction opens.

    `invited` says by whose code they come, if by one.
    """

    email: people.Email
    password: people.PasswordHash
    display_name: str
    language: str
    wants_news: bool
    verify_page: str
    invited: Invited | None = None


def sign_up(new: Newcomer, *, terms: programme.Programme, at: datetime) -> int | None:
    """Make a member and welcome them. Returns the id; for a known e-mail None, and its owner gets a note."""
    told = asdict(new)
    del told["invited"]
    member_id = people.register(**told, at=at)
    if member_id is not None:
        welcome(member_id, terms=terms, at=at)
        if new.invited and note_invitation(member_id, new.invited, at=at):
            look_at_invitation(member_id, at=at)
    return member_id


def welcome(member_id: int, *, terms: programme.Programme, at: datetime) -> None:
    """Give a new member an empty purse and the first level, in the transaction that made the member."""
    ledger.open_purse(member_id, at=at)
    membership.begin(member_id, terms=terms, at=at)
    reference = f"member:{member_id}"
    fact = Fact("signed_up", member_id, key=f"{reference}:signed_up", at=at, reference=reference)
    did(fact, purse=ledger.lock(member_id, zone=terms.zone), terms=terms, at=at)
