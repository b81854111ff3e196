"""Mail: a notice becomes a letter in its reader's language, with text and HTML. No request is needed."""

from .rendering import address_of, mail_for, render

__all__ = ["address_of", "mail_for", "render"]
