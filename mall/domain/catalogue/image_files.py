"""Uploaded pictures: read with suspicion, written anew.

Only JPEG, PNG and WebP, told by their content; measured from the header before a single pixel is decoded; then decoded
and encoded again as WebP, so that nothing of the upload but its pixels is kept: no position, no camera, no passenger.
"""

import secrets
import struct
import threading
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mall.base.errors import Refusal
from mall.base.text import N_

if TYPE_CHECKING:  # Loading it takes a while, and the first page is made without it.
    from PIL import Image

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 25_000_000
SIZES = (400, 1200)
QUALITY = 82
PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers of JPEG; those left out in between are tables.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4: how the camera was held.
# What reading a crafted file may raise: it is the file's fault, not ours.
_FAULTS = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, SyntaxError,
    MemoryError, EOFError, struct.error, zlib.error,
)  # fmt: skip


# While it is read, a picture of 25 megapixels takes up to 400 MB: in each process one at a time.
_reading_one = threading.Lock()


class BadPicture(Refusal):
    """An upload that is no picture we can use."""


NOT_A_PICTURE = N_("This is not a JPEG, PNG or WebP picture. Save it as one of these and upload it again.")
PASSENGER = N_("This file carries more than a picture. Save it again as JPEG, PNG or WebP and upload that.")


class Prepared(Struct, frozen=True):
    """A picture written to the uploads folder in every size, under a name nobody can guess."""

    name: str
    width: int
    height: int


def prepare_picture(data: bytes, *, folder: str | Path) -> Prepared:
    """Check an upload and write it anew into the folder, in every size. Done before the transaction: it takes a while.

    Raises BadPicture with a sentence.
    """
    if len(data) > MOST_BYTES:
        raise BadPicture(N_("The picture has more than {most} megabytes. Make it smaller."), most=10)
    kind, width, height = measure(data)
    if width * height > MOST_PIXELS:
        raise BadPicture(N_("The picture has more than {most} megapixels. Make it smaller."), most=25)
    with _reading_one:
        picture = decode(data, kind, (width, height))
    write(picture, name := secrets.token_hex(16), folder=Path(folder))
    return Prepared(name, picture.width, picture.height)


def write(picture: "Image.Image", name: str, *, folder: Path) -> None:
    """Write a picture into the folder in every size, as WebP, with nothing attached."""
    from PIL.Image import Resampling  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        copy = picture.copy()
        copy.thumbnail((size, size), Resampling.LANCZOS)
        copy.save(
            folder / file_name(name, size), "WEBP", quality=QUALITY, method=4, exif=b"", icc_profile=b"", xmp=b""
        )


def file_name(name: str, size: int) -> str:
    """Return the file a picture of this name has in a size."""
    return f"{name}-{size}.webp"


def discard(name: str, *, folder: str | Path) -> None:
    """Remove a picture's files, after its row is gone."""
    for size in SIZES:
        (Path(folder) / file_name(name, size)).unlink(missing_ok=True)


def measure(data: bytes) -> tuple[str, int, int]:
    """Return (format, width, height) from the header alone. Raises BadPicture, also when something follows the end."""
    try:
        if data.startswith(PNG):
            return "PNG", *_measure_png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return "JPEG", *_measure_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return "WEBP", *_measure_webp(data)
    except (IndexError, ValueError):
        pass
    raise BadPicture(NOT_A_PICTURE)


def decode(data: bytes, kind: str, size: tuple[int, int]) -> "Image.Image":
    """Return the first frame upright, in RGB or RGBA, with nothing attached. Raises BadPicture."""
    from PIL import Image  # noqa: PLC0415

    try:
        picture: Image.Image = Image.open(BytesIO(data), formats=(kind,))
        if picture.size != size:
            raise BadPicture(NOT_A_PICTURE)
        picture.draft("RGB", (max(SIZES), max(SIZES)))
        picture.load()
        clear = "A" in picture.mode or "transparency" in picture.info
        plain = _upright(picture).convert("RGBA" if clear else "RGB")
        plain.thumbnail((max(SIZES), max(SIZES)), Image.Resampling.LANCZOS)
    except (*_FAULTS, Image.DecompressionBombError) as error:
        raise BadPicture(NOT_A_PICTURE) from error
    plain.info = {}
    return plain


def _upright(picture: "Image.Image") -> "Image.Image":
    """Turn a picture as its EXIF says: of that only one number is read, and where it cannot be, nothing is turned."""
    from PIL.Image import Transpose  # noqa: PLC0415

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(picture.getexif().get(ORIENTATION, 1))
    except _FAULTS:
        return picture
    return picture if turn is None else picture.transpose(turn)


def _measure_png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    place = len(PNG)
    while True:
        kind = data[place + 4 : place + 8]
        if len(kind) < 4:
            raise ValueError
        place += 12 + int.from_bytes(data[place : place + 4])
        if kind == b"IEND":
            break
    _refuse_passengers(data[place:])
    return width, height


def _measure_jpeg(data: bytes) -> tuple[int, int]:
    size: tuple[int, int] | None = None
    place = 2
    while True:
        if data[place] != 0xFF:
            raise ValueError
        marker = data[place + 1]
        if marker == 0xFF:  # A fill byte.
            place += 1
        elif marker == 0xD9:  # The end.
            break
        else:
            length = int.from_bytes(data[place + 2 : place + 4])
            if length < 2:
                raise ValueError
            if marker in _FRAMES:
                size = int.from_bytes(data[place + 7 : place + 9]), int.from_bytes(data[place + 5 : place + 7])
            place += 2 + length
            if marker == 0xDA:
                place = _after_scan(data, place)
    if size is None:
        raise ValueError
    # Cameras append a small second picture: it is left behind, as everything else is.
    rest = data[place + 2 :]
    if not rest.lstrip(b"\0").startswith(b"\xff\xd8\xff"):
        _refuse_passengers(rest)
    return size


def _after_scan(data: bytes, place: int) -> int:
    """Return where the next marker stands after a scan: an 0xFF that is neither stuffed nor a restart."""
    while True:
        place = data.index(b"\xff", place)
        if data[place + 1] != 0 and not 0xD0 <= data[place + 1] <= 0xD7:
            return place
        place += 2


def _measure_webp(data: bytes) -> tuple[int, int]:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ValueError
    _refuse_passengers(data[end:])
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise ValueError


def _refuse_passengers(rest: bytes) -> None:
    if rest.strip(b"\0"):
        raise BadPicture(PASSENGER)
