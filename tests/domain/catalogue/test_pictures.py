"""Pictures: only JPEG, PNG and WebP by content, small enough before decoding, written anew with nothing attached."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from mall.base.db import reading, transaction
from mall.domain import catalogue
from tests.domain.catalogue.conftest import NOON, OPERATOR

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
SCRIPT = b"<script>alert(document.cookie)</script>"


def picture(kind="PNG", size=(60, 40), colour=(200, 30, 30), **how):
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **how)
    return out.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flood(width, height):
    """A PNG of a few bytes whose header promises a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"\x78\x9c\x03\x00") + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "uploads"


def refused(data, folder):
    with pytest.raises(catalogue.BadPicture) as refusal:
        catalogue.prepare_picture(data, folder=folder)
    assert not folder.exists() or not list(folder.iterdir())
    return str(refusal.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_kept_as_webp_in_two_sizes_under_a_random_name(folder, kind):
    prepared = catalogue.prepare_picture(picture(kind, (1600, 800)), folder=folder)

    assert sorted(path.name for path in folder.iterdir()) == [
        f"{prepared.name}-1200.webp",
        f"{prepared.name}-400.webp",
    ]
    assert len(prepared.name) == 32
    with Image.open(folder / f"{prepared.name}-400.webp") as small:
        assert (small.format, small.size) == ("WEBP", (400, 200))
    with Image.open(folder / f"{prepared.name}-1200.webp") as large:
        assert large.size == (1200, 600)
        red, green, _ = large.convert("RGB").getpixel((600, 300))
        assert red > 150 > 80 > green


def test_a_small_picture_is_not_blown_up(folder):
    prepared = catalogue.prepare_picture(picture(size=(60, 40)), folder=folder)
    with Image.open(folder / f"{prepared.name}-1200.webp") as large:
        assert large.size == (60, 40)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "CMYK", "1", "I;16"])
def test_every_usual_kind_of_colour_is_taken(folder, mode):
    out = BytesIO()
    Image.new(mode, (20, 20)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    assert catalogue.prepare_picture(out.getvalue(), folder=folder).width == 20


def test_sec_82_the_position_is_dropped_and_the_picture_turned_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by 90 degrees.
    exif[0x010F] = "Camera & Sons"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    data = picture("JPEG", (300, 100), exif=exif, comment=SCRIPT)
    assert b"Camera & Sons" in data

    prepared = catalogue.prepare_picture(data, folder=folder)

    assert (prepared.width, prepared.height) == (100, 300)
    for path in folder.iterdir():
        kept = path.read_bytes()
        assert b"Camera" not in kept
        assert b"script" not in kept
        assert b"EXIF" not in kept
        with Image.open(path) as image:
            assert dict(image.getexif()) == {}
            assert "xmp" not in image.info


def with_exif(*entries):
    """A PNG of 60 x 40 whose EXIF has these entries: (tag, type, count, four bytes)."""
    directory = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHI4s", *entry) for entry in entries)
    data = picture()
    return data[:33] + chunk(b"eXIf", b"MM\x00*" + struct.pack(">I", 8) + directory + b"\x00" * 4) + data[33:]


# The maker of the camera as a fraction: it can be read, and not be written again.
NO_NAME = (0x010F, 5, 1, struct.pack(">I", 8))
NOWHERE = (0x010F, 5, 1, struct.pack(">I", 9_999))
TURNED = (0x0112, 3, 1, b"\x00\x06\x00\x00")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("entries", "size"),
    [
        ([TURNED], (40, 60)),
        ([TURNED, NO_NAME, NOWHERE], (40, 60)),
        ([NOWHERE, TURNED], (60, 40)),
        ([(0x0112, 2, 4, b"six\x00")], (60, 40)),
        ([(0x0112, 5, 1, struct.pack(">I", 9_999))], (60, 40)),
        ([(0x0112, 3, 2, b"\x00\x06\x00\x06")], (40, 60)),
        ([(0x0112, 77, 1, b"\x00\x06\x00\x00")], (60, 40)),
        ([(0x0112, 3, 1, b"\x00\x63\x00\x00")], (60, 40)),
    ],
    ids=[
        "sound",
        "other entries broken",
        "broken before it",
        "text",
        "points nowhere",
        "two numbers",
        "of no type",
        "no such turn",
    ],
)
def test_sec_82_exif_that_cannot_be_read_is_ignored(folder, entries, size):
    prepared = catalogue.prepare_picture(with_exif(*entries), folder=folder)

    assert (prepared.width, prepared.height) == size


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_sec_82_exif_that_is_none_at_all_is_ignored(folder):
    data = picture()
    for body in (b"", b"MM", b"\xff" * 40, b"II*\x00\xff\xff\xff\xff"):
        inside = data[:33] + chunk(b"eXIf", body) + data[33:]
        assert catalogue.prepare_picture(inside, folder=folder).width == 60


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b"<?xml version='1.0'?>" + SVG,
        b"GIF89a" + SCRIPT,
        b"%PDF-1.7",
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x00",
        b"RIFF\x10\x00\x00\x00WEBPVP8 ",
        SCRIPT + picture(),
        picture()[:60],
        picture("JPEG")[:300],
        picture("WEBP")[:60],
        b"RIFF" + b"\xff" * 40,
    ],
)
def test_sec_82_what_is_no_picture_by_its_content_is_refused(folder, data):
    assert "not a JPEG, PNG or WebP picture" in refused(data, folder)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("passenger", [SCRIPT, b"PK\x03\x04 a zip", b"%PDF-1.7", SVG])
def test_sec_82_a_polyglot_is_refused(folder, kind, passenger):
    assert "more than a picture" in refused(picture(kind) + passenger, folder)


def test_a_script_inside_a_png_is_left_behind(folder):
    data = picture()
    inside = data[:33] + chunk(b"tEXt", b"Comment\x00" + SCRIPT) + data[33:]
    prepared = catalogue.prepare_picture(inside, folder=folder)
    assert SCRIPT not in (folder / f"{prepared.name}-400.webp").read_bytes()


@pytest.mark.parametrize("size", [(50_000, 50_000), (5_001, 5_000), (2**31 - 1, 2**31 - 1)])
def test_sec_82_a_pixel_flood_is_refused_by_its_header(folder, size):
    assert "25 megapixels" in refused(flood(*size), folder)


def test_sec_82_a_webp_canvas_is_measured_before_it_is_decoded(folder):
    body = b"VP8X" + struct.pack("<I", 10) + b"\x00" * 4 + (16_382).to_bytes(3, "little") * 2
    assert "25 megapixels" in refused(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, folder)


def test_sec_82_eleven_megabytes_are_refused(folder):
    assert "10 megabytes" in refused(picture() + b"\x00" * 11 * 1024 * 1024, folder)


def test_a_header_that_lies_about_its_size_is_refused(folder):
    assert "not a JPEG, PNG or WebP picture" in refused(flood(100, 100), folder)


def test_a_picture_says_in_words_what_it_shows(make, folder):
    product_id, _ = make()
    prepared = catalogue.prepare_picture(picture(), folder=folder)
    with pytest.raises(catalogue.AltMissing, match="Say in words"), transaction():
        catalogue.add_picture(product_id, prepared, alt={"en": "  "}, by=OPERATOR, at=NOON)

    with transaction():
        first = catalogue.add_picture(product_id, prepared, alt={"en": "A mug"}, by=OPERATOR, at=NOON)
        second = catalogue.add_art(product_id, "mug.svg", alt={"en": "Drawn"}, by=OPERATOR, at=NOON)
        third = catalogue.add_art(product_id, "tea.svg", alt={"en": "Tea"}, by=OPERATOR, at=NOON)
        catalogue.order_pictures(product_id, [third, first, second], by=OPERATOR, at=NOON)
        assert catalogue.remove_picture(first, by=OPERATOR, at=NOON) == prepared.name
        catalogue.describe_picture(third, {"en": "Green tea"}, by=OPERATOR, at=NOON)
    with reading():
        shown = catalogue.pictures_of(product_id)
    assert [(row.position, row.art, row.alt["en"]) for row in shown] == [
        (1, "tea.svg", "Green tea"),
        (2, "mug.svg", "Drawn"),
    ]
    catalogue.discard(prepared.name, folder=folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("art", ["../secret.svg", "mug.svg/../../x", "mug.exe", "", "MUG.svg"])
def test_art_is_one_of_our_own_files(make, art):
    product_id, _ = make()
    with transaction(), pytest.raises(catalogue.NoSuchPicture):
        catalogue.add_art(product_id, art, alt={"en": "Mug"}, by=OPERATOR, at=NOON)
