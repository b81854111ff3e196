"""Repeats: forms that are sent again. The same again has the first answer; other values with the same key are refused.

This is the room's front door. The room that owns the act says `Sent(...)`, asks `answer_to` or `refuse_other` before
it acts, and says `keep` when it has, all in its own transaction.
"""

from .sent import Sent, SentBefore, SentForm, SentOtherwise, answer_to, keep, refuse_other

__all__ = ["Sent", "SentBefore", "SentForm", "SentOtherwise", "answer_to", "keep", "refuse_other"]
