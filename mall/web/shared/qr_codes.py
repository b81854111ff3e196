"""Squares a telephone can read."""


def qr_code(text: str, *, scale: int = 4, error: str | None = None) -> str:
    """Return a QR code of a text as the address of a picture that carries it whole (data:).

    `error` is how much may be unreadable: None leaves the choice to the size, "m" is 15 %.
    """
    import segno  # noqa: PLC0415 - Few pages show one.

    return str(segno.make_qr(text, error=error).svg_data_uri(scale=scale, border=0))
