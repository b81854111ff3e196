"""The API: what machines see, at /api/v1. Partners report what members buy with them."""

from . import bindings, document, purchases
from .face import bp

# These put their addresses into the face as they are imported.
PAGES = (bindings, document, purchases)

__all__ = ["PAGES", "bp"]
