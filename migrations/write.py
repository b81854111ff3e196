"""Write a migration: what the declared tables have beyond those the migrations so far would make.

`make migration m="what changed"`. Read what it wrote: Alembic sees tables, columns, keys and indexes; a CHECK that
changed, a guard on a table that was there before, and moving data are for you to add.
"""

import secrets
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ROOT / "migrations" / "versions"
sys.path.insert(0, str(ROOT))

from flask_migrate import revision, upgrade  # noqa: E402 - Found by the line above.

from mall import create_app  # noqa: E402


def main(message: str) -> int:
    """Bring an empty database up to date, compare it with the declared tables, write the difference."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/mall.db"
        app = create_app(
            {
                "SECRET_KEY": secrets.token_urlsafe(48),
                "INSTANCE_DIR": folder,
                "SQLALCHEMY_DATABASE_URI": address,
                "DATABASE_READ_URL": address,
                "DEMO": True,
            }
        )
        with app.app_context():
            upgrade()
            before = set(VERSIONS.iterdir())
            revision(message=message, autogenerate=True)
    if set(VERSIONS.iterdir()) == before:
        print("Nothing to write: the migrations make what the tables declare.")
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
