"""What is sealed is read again by the mall's present or a former key, for its own purpose only; a mark is its own."""

from datetime import UTC, datetime, timedelta

import pytest

from mall.base.seals import BrokenSeal, configure_seals, mark, marked, marks, seal, unseal

FIRST, SECOND = "the first key of the mall, long enough", "the second key of the mall, long too"


@pytest.fixture(autouse=True)
def secret():
    configure_seals([FIRST])


def test_a_seal_of_another_key_is_refused_and_a_former_key_still_reads():
    sealed = seal("secret", purpose="a test")
    configure_seals([SECOND, FIRST])
    assert unseal(sealed, purpose="a test") == "secret"
    configure_seals([SECOND])

    with pytest.raises(BrokenSeal):
        unseal(sealed, purpose="a test")


def test_what_is_sealed_for_one_purpose_is_nothing_to_another():
    sealed = seal("secret", purpose="a test")

    assert "secret" not in sealed
    with pytest.raises(BrokenSeal):
        unseal(sealed, purpose="another test")


def test_a_seal_may_be_read_for_so_long_only(time_machine):
    time_machine.move_to(datetime(2026, 3, 2, 12, 0, tzinfo=UTC), tick=False)
    sealed = seal("secret", purpose="a test")
    time_machine.shift(timedelta(hours=1))
    assert unseal(sealed, purpose="a test", within=timedelta(hours=1)) == "secret"
    time_machine.shift(timedelta(seconds=1))

    with pytest.raises(BrokenSeal):
        unseal(sealed, purpose="a test", within=timedelta(hours=1))
    assert unseal(sealed, purpose="a test") == "secret"


@pytest.mark.parametrize("made_up", ["", "gAAAA", "é", "x" * 10_000])
def test_what_was_made_up_is_no_seal(made_up):
    with pytest.raises(BrokenSeal):
        unseal(made_up, purpose="a test")


def test_a_mark_is_known_by_a_former_key_and_differs_by_purpose():
    former = mark("text", purpose="a test")
    configure_seals([SECOND, FIRST])

    assert marks("text", purpose="a test") == [mark("text", purpose="a test"), former]
    assert marked("text", former, purpose="a test")
    assert not marked("text", former, purpose="another test")
    assert not marked("other", former, purpose="a test")
