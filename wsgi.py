"""Where a server finds the mall: `gunicorn wsgi:app`, `flask --app wsgi ...`."""

import os
import sys

from mall import config, create_app

config.be_a_demo_when_asked(sys.argv, os.environ)
app = create_app(commands="FLASK_RUN_FROM_CLI" in os.environ)
