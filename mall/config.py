"""Settings from the environment, read once at the start. What is dangerous to run with is refused here."""

import os
import secrets
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 32
DEMO_SECRET = "demo-secret"
CASHIERS = ("none", "sandbox", "stripe")
LOG_FORMATS = ("json", "text")
# From when on something is a sign of abuse: the default, the least and the most of each.
RADAR = {
    "days": (90, 1, 365),
    "refund_percent": (50, 1, 100),
    "address_members": (5, 2, 1_000),
    "check_in_members": (5, 2, 1_000),
    "check_in_seconds": (3, 0, 3_600),
    "partner_percent": (90, 1, 100),
}
DATABASES = ("sqlite", "postgresql")
MAIL_SCHEMES = ("smtp", "smtps")


class UnsafeSettings(RuntimeError):
    """The mall refuses to start: a setting is missing or dangerous. The message says which, and what to set."""


def settings_from(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return Flask's configuration for an environment. Raises UnsafeSettings."""
    port = number(environ, "PORT", 5000, least=1, most=65_535)
    instance = Path(environ.get("INSTANCE_DIR", ROOT / "instance"))
    demo = environ.get("DEMO", "") == "1"
    database_url = environ.get("DATABASE_URL") or f"sqlite:///{instance / 'mall.db'}"
    public_url = environ.get("PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/")
    settings: dict[str, Any] = {
        "DEMO": demo,
        "SECRET_KEY": environ.get("SECRET_KEY") or (demo_secret(instance) if demo else ""),
        "SECRET_KEY_FALLBACKS": [
            key.strip() for key in environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key.strip()
        ],
        "INSTANCE_DIR": str(instance),
        "UPLOADS_DIR": environ.get("UPLOADS_DIR", str(instance / "uploads")),
        "OUTBOX_DIR": environ.get("OUTBOX_DIR", str(instance / "outbox")),
        "SQLALCHEMY_DATABASE_URI": database_url,
        "DATABASE_READ_URL": environ.get("DATABASE_READ_URL") or database_url,
        "COMPILED_DIR": environ.get("COMPILED_DIR", str(instance / "compiled")),
        "SQLITE_SYNCHRONOUS": "FULL",
        "PORT": port,
        "PUBLIC_URL": public_url,
        "TRUSTED_PROXIES": number(environ, "TRUSTED_PROXIES", 0, least=0, most=9),
        "WEB_PROCESSES": number(environ, "WEB_CONCURRENCY", 1, least=1, most=256),
        "WEB_THREADS": number(environ, "WEB_THREADS", 4, least=1, most=256),
        "CASHIER": environ.get("CASHIER", "none"),
        "STRIPE_SECRET_KEY": environ.get("STRIPE_SECRET_KEY", ""),
        "STRIPE_WEBHOOK_SECRET": environ.get("STRIPE_WEBHOOK_SECRET", ""),
        "STRIPE_WEBHOOK_TOLERANCE_SECONDS": number(environ, "STRIPE_WEBHOOK_TOLERANCE_SECONDS", 300),
        "STRIPE_API_BASE": environ.get("STRIPE_API_BASE", ""),
        "STRIPE_PAGE_ORIGIN": environ.get("STRIPE_PAGE_ORIGIN", "https://checkout.stripe.com"),
        "SMTP_URL": environ.get("SMTP_URL", ""),
        "MAIL_FROM": environ.get("MAIL_FROM", ""),
        "LOG_FORMAT": environ.get("LOG_FORMAT", "json"),
        "STAFF_TOTP_WAIVED": demo and environ.get("DEMO_STAFF_TOTP", "") != "1",
        "RADAR": {
            name: number(environ, f"RADAR_{name.upper()}", default, least=least, most=most)
            for name, (default, least, most) in RADAR.items()
        },
        "ARGON2_TIME_COST": number(environ, "ARGON2_TIME_COST", 3, least=1, most=100),
        "ARGON2_MEMORY_KIB": number(environ, "ARGON2_MEMORY_KIB", 65_536, least=8, most=4_194_304),
    }
    settings |= {
        # A sign-in's cookie is written anew when the visit is noted, every few minutes, not with every answer.
        "SESSION_REFRESH_EACH_REQUEST": False,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": public_url.startswith("https://"),
        "SESSION_COOKIE_NAME": "__Host-mall" if public_url.startswith("https://") else "mall",
        "MAX_CONTENT_LENGTH": 12 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_DEFAULT_LOCALE": "en",
    }
    return settings


def number(
    environ: Mapping[str, str], name: str, default: int, *, least: int = -(2**31), most: int = 2**31 - 1
) -> int:
    """Return a setting that is a whole number. Raises UnsafeSettings."""
    typed = environ.get(name, "").strip() or str(default)
    try:
        value = int(typed)
    except ValueError:
        raise UnsafeSettings(f"{name} is a whole number, such as {default}; it is set to {typed!r}.") from None
    if not least <= value <= most:
        raise UnsafeSettings(f"{name} is a number from {least} to {most}; it is set to {value}.")
    return value


def be_a_demo_when_asked(arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Give the command `flask --app wsgi demo` the settings of a demo, so that it needs no other preparation.

    So do the other commands where a demo was made and no shop's secret is set, which no shop is without.
    """
    instance = Path(environ.get("INSTANCE_DIR") or ROOT / "instance")
    bare = not any(environ.get(name) for name in ("SECRET_KEY", "DATABASE_URL", "DEMO"))
    made = "FLASK_RUN_FROM_CLI" in environ and bare and (instance / DEMO_SECRET).exists()
    if "demo" in arguments[1:] or made:
        environ.setdefault("DEMO", "1")
        environ.setdefault("CASHIER", "sandbox")
        environ.setdefault("LOG_FORMAT", "text")


def serves(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Tell whether this process is to serve pages: a server's, or that of `flask --app wsgi run`."""
    return "FLASK_RUN_FROM_CLI" not in environ or "run" in arguments[1:]


def without_cashier(settings: Mapping[str, Any]) -> str:
    """Return what to tell who starts a shop that has no cashier."""
    what = (
        "CASHIER=sandbox for one that takes no real money (`flask --app wsgi demo` sets it by itself)"
        if settings["DEMO"]
        else "CASHIER=stripe with STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET"
    )
    return f"This shop has no cashier, so only items for points alone can be ordered. Set {what}."


def refuse_unsafe(settings: Mapping[str, Any]) -> None:
    """Raise UnsafeSettings unless the mall may be run with these settings."""
    demo = settings["DEMO"]
    if len(settings["SECRET_KEY"]) < SHORTEST_SECRET:
        raise UnsafeSettings(
            f"Set SECRET_KEY to at least {SHORTEST_SECRET} random characters (or DEMO=1 to look around)."
        )
    if len(set(settings["SECRET_KEY"])) < 8:
        raise UnsafeSettings("SECRET_KEY repeats a few characters. Set it to random ones.")
    if any(len(key) < SHORTEST_SECRET for key in settings["SECRET_KEY_FALLBACKS"]):
        raise UnsafeSettings(
            f"SECRET_KEY_FALLBACKS are former keys of at least {SHORTEST_SECRET} characters, separated by commas."
        )
    if settings["CASHIER"] not in CASHIERS:
        raise UnsafeSettings(f"CASHIER is one of {', '.join(CASHIERS)}.")
    if settings["CASHIER"] == "sandbox" and not demo:
        raise UnsafeSettings("CASHIER=sandbox takes no real money and is for DEMO=1 only.")
    if settings["CASHIER"] == "stripe":
        if not settings["STRIPE_SECRET_KEY"]:
            raise UnsafeSettings("CASHIER=stripe needs STRIPE_SECRET_KEY.")
        if not settings["STRIPE_WEBHOOK_SECRET"]:
            raise UnsafeSettings(
                "CASHIER=stripe needs STRIPE_WEBHOOK_SECRET: without it anyone could say an order is paid."
            )
        if settings["STRIPE_WEBHOOK_TOLERANCE_SECONDS"] <= 0:
            raise UnsafeSettings(
                "STRIPE_WEBHOOK_TOLERANCE_SECONDS must be above 0: at 0 an old event could be replayed."
            )
        for name in ("STRIPE_API_BASE", "STRIPE_PAGE_ORIGIN"):
            address = urlsplit(settings[name])
            if settings[name] and address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost"):
                raise UnsafeSettings(f"{name} must begin with https://: it carries the key, or the members' payments.")
        shop = urlsplit(settings["PUBLIC_URL"])
        if shop.scheme != "https" and shop.hostname not in ("127.0.0.1", "localhost"):
            raise UnsafeSettings(
                "CASHIER=stripe needs a PUBLIC_URL that begins with https://: members sign in and pay."
            )
    for name in ("SQLALCHEMY_DATABASE_URI", "DATABASE_READ_URL"):
        if str(settings[name]).partition(":")[0].partition("+")[0] not in DATABASES:
            setting = "DATABASE_URL" if name == "SQLALCHEMY_DATABASE_URI" else name
            raise UnsafeSettings(
                f"{setting} begins with sqlite:/// or postgresql+psycopg://; it is set to something else."
            )
    if settings["LOG_FORMAT"] not in LOG_FORMATS:
        raise UnsafeSettings(f"LOG_FORMAT is one of {', '.join(LOG_FORMATS)}.")
    if settings["SMTP_URL"] and urlsplit(settings["SMTP_URL"]).scheme not in MAIL_SCHEMES:
        raise UnsafeSettings(
            "SMTP_URL begins with smtp:// or smtps://, such as smtp://user:password@mail.example.com:587."
        )
    public = urlsplit(settings["PUBLIC_URL"])
    if public.scheme not in ("http", "https") or not public.hostname or public.path or public.query or public.fragment:
        raise UnsafeSettings(
            "PUBLIC_URL is the address members type, with no path behind it, such as https://shop.example.com."
        )
    if settings["SQLALCHEMY_DATABASE_URI"].startswith("sqlite") and settings["WEB_PROCESSES"] > 1:
        raise UnsafeSettings("SQLite serves one web process. Use WEB_CONCURRENCY=1, or PostgreSQL by DATABASE_URL.")


def demo_secret(instance: Path) -> str:
    """Return the demo's own secret, made at its first start and kept beside its database."""
    path = instance / DEMO_SECRET
    if not path.exists():
        make_folder(instance)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def make_folder(folder: Path) -> None:
    """Make the folder for what the mall keeps beside its database. Raises UnsafeSettings where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UnsafeSettings(f"INSTANCE_DIR cannot be made at {folder}: {fault.strerror}.") from None


def settings_now(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the checked settings of this process: its environment, then what the caller overrides."""
    settings = settings_from(os.environ) | dict(overrides or {})
    refuse_unsafe(settings)
    return settings
