"""Who takes the money here: the cashier of this installation, for the faces that meet it."""

from flask import abort, current_app

from mall.base.cashier import Cashier


def cashier() -> Cashier:
    """Return the cashier. Where the shop has none, there is no page that needs one: 404."""
    found = current_app.extensions["cashier"]
    if found is None:
        abort(404)
    return found
