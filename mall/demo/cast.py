"""The demo's people: the staff, the four members a visitor may sign in as, and the crowd."""

from dataclasses import dataclass

PASSWORD = "demo points mall"


@dataclass(frozen=True)
class Colleague:
    """One of the demo's staff."""

    slug: str
    name: str
    roles: tuple[str, ...]
    blurb: str


@dataclass(frozen=True)
class Star:
    """A member a visitor may sign in as: how many orders the year gives them, and how much they like dear things."""

    slug: str
    name: str
    language: str
    orders: int
    appetite: int
    blurb: str


STAFF = (
    Colleague("jo", "Jo Park", ("operator",), "Operator: catalogue, stock, orders, members"),
    Colleague("sam", "Sam Okafor", ("operator",), "A second operator, who approves what Jo asks for"),
    Colleague("nadia", "Nadia Amari", ("finance",), "Finance: liability, proofs, journal"),
    Colleague("ada", "Ada Voss", ("admin",), "Admin: everything"),
)
STARS = (
    Star("mei", "Chen Meilin", "en", 26, 3, "A regular: points to spend, an order on its way, one to pay"),
    Star("tom", "Tom Brandt", "en", 0, 1, "New: a few points, nothing bought yet"),
    Star("grace", "Grace Oduya", "en", 75, 8, "Top of the pyramid"),
    Star("wei", "王伟", "zh", 30, 5, "Reads the shop in Chinese"),
    Star("omar", "Omar Haddad", "en", 2, 1, "Owes points: returned what had earned them"),
)
GIVEN_NAMES = (
    "Ana Ben Chloe Dara Elif Farid Gita Hugo Ines Jonas Keiko Lars Mina Noor Omar Pia Quentin Rosa Sven Tara Umar "
    "Vera Willem Ximena Yara Zoe Arjun Birgit Cem Delia Emre Freya Goran Hana Ivo Julia Kofi Lena Mateo Nadine"
).split()
FAMILY_NAMES = (
    "Abe Berg Costa Diaz Evans Fischer Garcia Haas Ivanov Jansen Keller Lopez Moreau Novak Ortiz Petrov Quinn Rossi "
    "Silva Tanaka Ueda Vogel Weber Xu Yilmaz Zhang Ali Brown Cohen Dubois"
).split()
STREETS = ("Juniper Lane", "Harbour Street", "Mill Road", "Orchard Row", "Station Road", "Canal Side", "Hill Street")
TOWNS = (("Portland", "97201", "OR"), ("Salem", "97301", "OR"), ("Eugene", "97401", "OR"), ("Bend", "97701", "OR"))
