"""How the mall says no."""

from typing import Any, ClassVar, Self

from .text import Message


class Refusal(Exception):
    """A rule said no: an expected answer, not a fault. What was attempted has had no effect.

    The message is an English sentence with named places, marked by N_(); the values are ints, dates, ids or texts.
    Faces translate and format it; `str()` is English, for tests and logs.
    """

    message: ClassVar[str] = ""
    # What is at fault, by the name the verb takes it under; "" where it is nothing that was typed.
    field: str = ""

    def __init__(self, message: str | None = None, **values: Any) -> None:
        self.said = Message(message or type(self).message, values)
        super().__init__(str(self.said))

    def about(self, field: str) -> Self:
        """Say what is at fault: `raise TooLong(...).about("title")`."""
        self.field = field
        return self

    @property
    def values(self) -> dict[str, Any]:
        """The values of the sentence's places."""
        return self.said.values


class NotFound(Refusal):
    """What was asked for is not there, or not there for this person. Faces answer 404."""
