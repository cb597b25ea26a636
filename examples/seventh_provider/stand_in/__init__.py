"""A stand-in for Inkwell: a real, stateful HTTP server on 127.0.0.1, written from its page and not
from the adaptor, so that a misreading shows.
"""

from .stand_in import InkwellStandIn, Step, Told

__all__ = ["InkwellStandIn", "Step", "Told"]
