"""A SQLite shop is served by one process: a second is refused in one sentence, whoever starts it."""

import os
import runpy

import pytest

from mall.config import ROOT, UnsafeSettings, settings_from


def served() -> dict:
    """Read the server's settings as gunicorn does."""
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


@pytest.mark.parametrize("name", ["PORT", "WEB_CONCURRENCY", "WEB_THREADS"])
@pytest.mark.parametrize("typed", ["0", "many"])
def test_a_number_it_cannot_serve_with_is_left_for_the_mall_to_refuse(monkeypatch, name, typed):
    usual = served()
    monkeypatch.setenv(name, typed)

    asked = served()

    assert [asked[key] for key in ("bind", "workers", "threads")] == [
        usual[key] for key in ("bind", "workers", "threads")
    ]
    with pytest.raises(UnsafeSettings, match=name):
        settings_from(os.environ)


def test_more_than_one_process_is_refused_however_it_is_asked_for(tmp_path):
    with pytest.raises(SystemExit, match="SQLite serves one web process"):
        served()["be_the_only_one"](4, folder=tmp_path)


def test_a_second_server_of_the_same_shop_is_refused_until_the_first_has_ended(tmp_path):
    first, second = served(), served()
    first["be_the_only_one"](1, folder=tmp_path)
    with pytest.raises(SystemExit, match="Another server"):
        second["be_the_only_one"](1, folder=tmp_path)

    first["held"].pop().close()
    second["be_the_only_one"](1, folder=tmp_path)
    second["held"].pop().close()
