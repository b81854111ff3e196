"""The browser for the stories: Debian's chromium, else the one playwright installs.

Chromium's own shell without a window is taken first: it is the same engine, as playwright runs it where it brings its
own, and takes a third less work than the whole browser, whose window is drawn though none looks at it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox, since root in a container has none to give; no calls home, no updates, no shared memory file.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def program() -> str | None:
    """Return the machine's own browser, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def installed_by_playwright() -> bool:
    """Tell whether playwright has installed its browser here before."""
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return any(folder.glob("chromium*"))


def what_is_here() -> str:
    """Find a browser, or let playwright install one. Returns in words what came of it."""
    if found := program():
        return found
    if installed_by_playwright():
        return "the one playwright installed"
    done = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, text=True, check=False
    )
    return "installed by playwright just now" if done.returncode == 0 else "none, and playwright could not install one"
