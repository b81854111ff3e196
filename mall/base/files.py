"""Files that people send, taken as text."""


class NotText(ValueError):
    """A file that is no plain text in UTF-8."""


def text_of(content: bytes) -> str:
    """Return the text of a file, without the mark that some programs put before it. Raises NotText. Pure."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText from error
    if "\0" in text:
        raise NotText
    return text
