"""The smoke script for Stripe's test mode tries what our double promises; the double passes it."""

import subprocess
import sys

import pytest

from tests.check.sources import ROOT
from tests.stripe_double import running


def smoke(**environment):
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "stripe_smoke.py"],
        env={"PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_double_does_what_is_asked_of_stripe():
    with running() as double:
        done = smoke(STRIPE_SECRET_KEY="sk_test_double", STRIPE_API_BASE=double.address)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 14


@pytest.mark.parametrize("key", ["", "sk_live_real"])
def test_a_live_key_is_never_used(key):
    done = smoke(STRIPE_SECRET_KEY=key)

    assert done.returncode == 2
    assert "test key" in done.stderr
