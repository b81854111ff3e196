"""The mall's commands: `flask --app wsgi COMMAND`. Each calls one verb and prints what came of it."""

from flask import Flask


def prepare(app: Flask) -> None:
    """Add the commands to the app."""
