"""The demo's people: the staff, the members a visitor may sign in as, and the crowd."""

from msgspec import Struct

PASSWORD = "demo points mall"
# Who of the staff does what, in the order of STAFF.
OPERATOR = "staff:1"
FINANCE = "staff:3"
ADMIN, SECOND_ADMIN = "staff:4", "staff:5"


class Colleague(Struct, frozen=True):
    """One of the demo's staff."""

    slug: str
    name: str
    roles: tuple[str, ...]
    blurb: dict[str, str]


class Star(Struct, frozen=True):
    """A member a visitor may sign in as: how many orders the year gives them, and how much they like dear things.

    `saves`: they spend few of their points.
    """

    slug: str
    name: str
    language: str
    orders: int
    appetite: int
    blurb: dict[str, str]
    saves: bool = False


STAFF = (
    Colleague(
        "jo",
        "Jo Park",
        ("operator",),
        {"en": "Operator: catalogue, stock, orders, members", "zh": "运营：商品、库存、订单、会员"},
    ),
    Colleague(
        "sam",
        "Sam Okafor",
        ("operator",),
        {"en": "A second operator, who approves what Jo asks for", "zh": "第二位运营，审批 Jo 的申请"},
    ),
    Colleague(
        "nadia",
        "Nadia Amari",
        ("finance",),
        {"en": "Finance: liability, proofs, journal", "zh": "财务：负债、核对、凭证"},
    ),
    Colleague(
        "ada",
        "Ada Voss",
        ("admin",),
        {
            "en": "Admin: everything",
            "zh": "管理员：全部功能",
        },
    ),
    Colleague(
        "bea",
        "Bea Lind",
        ("admin",),
        {"en": "A second administrator, who approves what Ada proposes", "zh": "第二位管理员，审批 Ada 的提议"},
    ),
)
STARS = (
    Star(
        "mei",
        "Chen Meilin",
        "en",
        26,
        3,
        {
            "en": "A regular: points to spend, an order on its way, one to pay",
            "zh": "常客：有积分可用，一单在途，一单待付",
        },
        saves=True,
    ),
    Star(
        "tom",
        "Tom Brandt",
        "en",
        0,
        1,
        {"en": "New: a few points, nothing bought yet", "zh": "新会员：少量积分，尚未下单"},
    ),
    Star(
        "grace",
        "Grace Oduya",
        "en",
        85,
        14,
        {
            "en": "Top of the pyramid: on the highest level there is",
            "zh": "金字塔顶端：最高等级会员",
        },
        saves=True,
    ),
    Star(
        "wei",
        "王伟",
        "zh",
        30,
        5,
        {
            "en": "Reads the shop in Chinese",
            "zh": "使用中文浏览商城",
        },
    ),
    Star(
        "omar",
        "Omar Haddad",
        "en",
        2,
        1,
        {"en": "Owes points: returned what had earned them", "zh": "欠积分：退回了赚取积分的商品"},
    ),
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
