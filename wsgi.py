"""Where a server finds the mall: `gunicorn wsgi:app`, `flask --app wsgi ...`."""

from mall import create_app

app = create_app()
