"""Whether an invoice of a provider can be credited, by what its adaptor says."""

from __future__ import annotations

from invoicing.provider import CreditNotes

NOT_YET = "no invoice of this provider can be credited from here yet: credit it at the provider"
WHOLE_ALONE = (
    "this provider credits an invoice as a whole and at once, and no part of it: credit the whole, "
    "and make a new invoice of what is to stand: `amend` does both"
)


def uncredited(provider: object, *, whole: bool) -> str:
    """Why the whole of an invoice, or a part of it, cannot be credited; empty where it can."""
    if not isinstance(provider, CreditNotes):
        return NOT_YET
    return WHOLE_ALONE if provider.credits_in == "whole" and not whole else ""
