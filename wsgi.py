"""Where a server finds the mall: `gunicorn wsgi:app`, `flask --app wsgi ...`."""

import gc
import os
import sys

# Loading makes much and throws little away: looking for what is no longer needed takes a quarter of the time.
gc.disable()
# Babel looks through all time zones there are for the machine's; days and hours here are the shop's.
os.environ.setdefault("TZ", "UTC")

from mall import config, create_app  # noqa: E402 - After the lines above.
from mall.web.shared.logs import log  # noqa: E402

config.be_a_demo_when_asked(sys.argv, os.environ)
try:
    app = create_app(commands="FLASK_RUN_FROM_CLI" in os.environ)
except config.UnsafeSettings as fault:
    sys.exit(f"The mall does not start. {fault}")
if config.serves(sys.argv, os.environ) and app.extensions["cashier"] is None:
    log.warning(config.without_cashier(app.config))
gc.freeze()  # What stays for good need never be looked through: the first look would take as long as the first page.
gc.enable()
