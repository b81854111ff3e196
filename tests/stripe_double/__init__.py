"""A small stateful double of Stripe over real HTTP, for the official client to talk to.

It knows Checkout Sessions with a hosted page, refunds, disputes, events, balance transactions, idempotency keys and
signed webhooks; checks parameters against the types the stripe package ships; and fails when told to.

    with running(hooks_to=address) as double:
        StripeCashier("sk_test_double", api_base=double.address, webhook_secret=double.secret)
"""

from .books import Books, Fault
from .hooks import Outbox
from .server import Double, running
from .shop import hear, shop_paid_by

__all__ = ["Books", "Double", "Fault", "Outbox", "hear", "running", "shop_paid_by"]
