"""Opening: the demo's shop with its rules, and who works there."""

from datetime import datetime

from mall.base.db import transaction
from mall.domain import people, programme

from . import cashing
from .cast import STAFF

# What levels give to who reaches them and on birthdays, and how much the lower ones may redeem in a month.
PACKS = {
    "registered": {"redemptions_per_month": 10},
    "ordinary": {"redemptions_per_month": 20},
    "senior": {"upgrade_points": 200, "birthday_points": 50},
    "vip": {"upgrade_points": 500, "birthday_points": 100},
    "svip": {"upgrade_points": 1_500, "birthday_points": 300},
}
PICKUP = {
    "key": "pickup",
    "name": {"en": "Collect at 12 Kiln Street", "zh": "到店自提"},
    "price_cents": 0,
    "free_from_cents": None,
    "kind": "pickup",
}


def open_shop(at: datetime) -> programme.Programme:
    """Open the shop by its first rules. Returns them."""
    settings = programme.default_settings(
        shop_name={"en": "Tessera", "zh": "嵌片集"},
        currency="USD",
        zone="America/Los_Angeles",
        support_email="hello@tessera.example",
        legal_name="Tessera Trading Co.",
        address="12 Kiln Street, Portland, OR 97209",
        tax_number="93-1234567",
    )
    settings["shipping_methods"].append(PICKUP)
    settings["levels"] = [level | PACKS.get(level["key"], {}) for level in settings["levels"]]
    settings |= cashing.SETTINGS
    for task in settings["tasks"]:
        task["active"] = task["active"] or task["key"] == "bind_account"
    with transaction():
        return programme.establish(settings, by="system", at=at)


def hire(password: people.PasswordHash, *, at: datetime) -> None:
    """Add the staff, with the demo's password set by their one-time links."""
    for colleague in STAFF:
        with transaction():
            _staff_id, token = people.add_staff(
                people.read_email(f"{colleague.slug}@tessera.example"),
                name=colleague.name,
                roles=colleague.roles,
                by="system",
                at=at,
            )
            people.set_staff_password(token, password, at=at)
