"""What an electronic invoice says beside its document, and what the rules need of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from invoicing.errors import FieldProblem


class Way(Protocol):
    """BG-16: one way to pay."""

    @property
    def means_code(self) -> str | None:
        """BT-81."""

    @property
    def bank_accounts(self) -> Sequence[Any]:
        """BG-17, each with its `iban` and `bic`."""

    @property
    def card(self) -> Any:
        """BG-18."""

    @property
    def direct_debit(self) -> Any:
        """BG-19, with its `mandate_id` and `debited_account`."""


@dataclass(frozen=True)
class Beside:
    """What is said beside the document, in options or by the account."""

    due: Decimal
    """BT-115."""
    credit: bool
    """Whether it is a credit note, by its type code."""
    ways: Sequence[tuple[str, Way]]
    """To pay, each with the path at which it was given."""
    tax_registration: str | None = None
    """The seller's number at a tax office that is no VAT number (BT-32)."""
    buyer_reference: bool = False
    """Whether BT-10 is filled in although the document does not."""
    sales_order: bool = False
    """The same of BT-14."""
    vat_currency: str | None = None


def needs(field: str, message: str) -> FieldProblem:
    """A problem of the document's."""
    return FieldProblem(field=f"document.{field}", message=message)
