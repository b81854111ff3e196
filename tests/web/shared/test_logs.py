"""A line of the log is for who reads it: coloured in a terminal, plain in a file, or JSON for a machine."""

import json
from io import StringIO

import pytest

from mall.web.shared.logs import renderer


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def line(log_format, stream):
    return renderer(log_format, stream)(None, "info", {"event": "answered", "level": "info", "status": 200})


@pytest.mark.parametrize(("stream", "coloured"), [(Terminal(), True), (StringIO(), False)])
def test_only_a_terminal_gets_colours(stream, coloured):
    said = line("text", stream)

    assert "answered" in said and "status" in said
    assert ("\x1b[" in said) is coloured


def test_json_is_json_everywhere():
    assert json.loads(line("json", Terminal()))["event"] == "answered"
