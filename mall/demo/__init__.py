"""The demo: a shop with a year of history, made by the mall's own verbs under a moved clock.

Everything in it is reproducible from a seed and an end date, but for keys and tokens, which nobody could guess.
"""

from .building import Built, build

__all__ = ["Built", "build"]
