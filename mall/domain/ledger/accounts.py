"""The named places where points are, and the kinds of moves between them."""

WALLET = "wallet"
PENDING = "pending"
HELD = "held"
DEBT = "debt"

ISSUANCE = "issuance"
REDEMPTION = "redemption"
EXPIRY = "expiry"
CLAWBACK = "clawback"
ADJUSTMENT = "adjustment"
CASH_OUT = "cash-out"
RENEWAL = "renewal"

# A member's own four: the columns of one purse. Debt has no positions, only a balance.
PURSE = (WALLET, PENDING, HELD, DEBT)
PLACES = (WALLET, PENDING, HELD)
# The mall's are only names: their balance is a sum over postings, never a row that all would wait for.
MALL = (ISSUANCE, REDEMPTION, EXPIRY, CLAWBACK, ADJUSTMENT, CASH_OUT, RENEWAL)
ACCOUNTS = PURSE + MALL

KINDS = (
    "earn",
    "unlock",
    "hold",
    "release",
    "redeem",
    "give_back",
    "renew",
    "expire",
    "clawback",
    "repay",
    "adjust",
    "cash_out",
)
# Further lines of a move that follow from its main ones; they are not part of what the caller asked for.
CONSEQUENCES = ("renew", "repay", "expire")
