"""What `make check` asks beyond the plan: requirements pinned and hashed, every text translated with its places."""

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

from tests.check import messages
from tests.check.requirements import main, out_of_step

PINNED = "flask==3.1.3 \\\n    --hash=sha256:aa\nalembic==1.20.1 \\\n    --hash=sha256:bb\n"


def test_our_requirements_are_in_step():
    assert main() == 0


def test_a_requirement_that_is_in_step_is_left_alone():
    assert list(out_of_step(["flask>=3.1,<3.2", "Alembic"], PINNED, "sample")) == []


def test_requirements_out_of_step_are_seen():
    assert "flask 3.1.3 is not" in next(out_of_step(["flask>=4"], PINNED, "sample"))
    assert "stripe is not pinned" in next(out_of_step(["stripe>=16"], PINNED, "sample"))
    assert "flask has no hash" in next(out_of_step([], "flask==3.1.3\n", "sample"))
    for address in (
        "--index-url https://example.org\n",
        "-i https://example.org",
        "pkg @ https://example.org/pkg.whl",
    ):
        assert "names where to get packages" in next(out_of_step([], PINNED + address, "sample"))


def english(*ids) -> Catalog:
    catalogue = Catalog(fuzzy=False)
    for each in ids:
        catalogue.add(each)
    return catalogue


def chinese(folder, compiled=True, counted=(), **strings) -> None:
    """Write a Chinese catalogue of these translations; `counted`: of [(one, many), (translation,)]."""
    catalogue = Catalog(locale="zh_Hans_CN", fuzzy=False)
    for each, string in (*strings.items(), *counted):
        catalogue.add(each, string)
    path = folder / "zh_Hans_CN" / "LC_MESSAGES"
    path.mkdir(parents=True)
    with (path / "messages.po").open("wb") as file:
        write_po(file, catalogue)
    with (path / "messages.mo").open("wb") as file:
        write_mo(file, catalogue if compiled else Catalog(locale="zh_Hans_CN"))


def test_a_translated_catalogue_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    chinese(tmp_path, **{"points": "积分", "{count} left": "还剩{count}"})

    assert list(messages.complaints("zh_Hans_CN", english("points", "{count} left"))) == []


def test_a_text_without_translation_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    chinese(tmp_path, points="积分", mug="")

    found = list(messages.complaints("zh_Hans_CN", english("points", "mug", "cup")))

    assert found == ["zh_Hans_CN: not translated: 'mug'", "zh_Hans_CN: not translated: 'cup'"]


def test_a_translation_with_other_places_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    chinese(tmp_path, **{"{count} left": "还剩{number}", "%(total)s items": "商品"})

    found = list(messages.complaints("zh_Hans_CN", english("{count} left", "%(total)s items")))

    assert len(found) == 2
    assert all("other places" in line for line in found)


@pytest.mark.parametrize(("translation", "complaints"), [("%(num)s 积分", 1), ("%(points)s 积分", 0)])
def test_a_number_written_by_itself_is_not_lost_in_translation(tmp_path, monkeypatch, translation, complaints):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    counted = ("%(num)s point", "%(points)s points")
    chinese(tmp_path, counted=[(counted, (translation,))])

    assert len(list(messages.complaints("zh_Hans_CN", english(counted)))) == complaints


def test_a_catalogue_that_was_not_compiled_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    chinese(tmp_path, compiled=False, points="积分")

    assert list(messages.complaints("zh_Hans_CN", english("points"))) == [
        "zh_Hans_CN: the compiled catalogue is not in step; run `make messages`"
    ]


def test_texts_are_collected_from_code_and_templates():
    texts = {message.id for message in messages.collected()}

    assert "We could not read that request" in texts
    assert len(texts) > 20
