"""What an adaptor says of its credits, for people."""

from __future__ import annotations

from invoicing.model import Recorded


class Crediting(Recorded):
    """How a credit is made, and what shows that it is there: so that a repeated or uncertain call
    makes no second one."""

    form: str
    repeat: str
    amounts: str = ""
    """Why an amount that is on no line is refused; empty where it is taken."""
