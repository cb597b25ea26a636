"""BG-30: the VAT of a line or an adjustment, and the norm's rules for each category."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from invoicing.errors import FieldProblem
from invoicing.fields import ExemptionCode, Percent, Text
from invoicing.inconsistent import refuse
from invoicing.model import Typed
from invoicing.money import plain


class VatCategory(StrEnum):
    """BT-151, UNCL5305: why this rate applies."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"
    CANARY_ISLANDS = "L"
    CEUTA_MELILLA = "M"


TAXED = (VatCategory.STANDARD, VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)
"""May have a rate above zero."""

STANDARD_REASONS = {
    VatCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    VatCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    VatCategory.EXPORT: "VATEX-EU-G",
    VatCategory.OUTSIDE_SCOPE: "VATEX-EU-O",
}
"""The reason that a category has by itself (BR-AE-10, BR-IC-10, BR-G-10, BR-O-10)."""

_MEANT = {code: category for category, code in STANDARD_REASONS.items()} | dict.fromkeys(
    ("VATEX-EU-D", "VATEX-EU-F", "VATEX-EU-I", "VATEX-EU-J"), VatCategory.EXEMPT
)
"""What a code says of the category: those above, and margin schemes (PEPPOL-EN16931-P0104 to
P0111)."""

_LEAST_RATE = {
    VatCategory.STANDARD: Decimal(1),
    VatCategory.CANARY_ISLANDS: Decimal("0.5"),
    VatCategory.CEUTA_MELILLA: Decimal("0.5"),
}
"""No lower rate above zero is in force. Ceuta and Melilla have one of 0.5 percent."""


class Vat(Typed):
    """BG-30: category and rate in percent. Only S, L and M may have a rate above zero.

    The others need not say a rate; in O the norm has none at all, so there 0 stands for none. The
    norm wants a reason for E, AE, K, G and O. All but E have one standard reason each, which an
    adaptor can fill in, so only E must bring its own.
    """

    category: VatCategory = VatCategory.STANDARD
    rate: Percent = Decimal(0)
    exemption_reason: Text | None = None
    exemption_code: ExemptionCode | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(problem for rule in _RULES for problem in rule(self))
        return self

    def same(self, other: Vat) -> bool:
        """Whether both fall into one VAT row: the same category at the same rate."""
        return (self.category, self.rate) == (other.category, other.rate)


_Problems = Iterator[FieldProblem]


def _rate_fits_category(vat: Vat) -> _Problems:
    """BR-S-05, BR-AF-05, BR-AG-05 and their sisters for Z, E, AE, K, G and O."""
    if vat.category not in TAXED:
        if vat.rate:
            yield FieldProblem(field="rate", message=f"must be 0 for category {vat.category}")
    elif "rate" not in vat.model_fields_set:
        yield FieldProblem(field="rate", message="is required")
    elif vat.category is VatCategory.STANDARD and not vat.rate:
        yield FieldProblem(field="rate", message="must be more than 0 for category S; 0 % is Z")
    elif 0 < vat.rate < _LEAST_RATE[vat.category]:
        yield FieldProblem(
            field="rate", message=f"is in percent: is {plain(vat.rate * 100)} meant?"
        )


def _exemption_is_explained(vat: Vat) -> _Problems:
    """BR-E-10."""
    reasons = (vat.exemption_reason, vat.exemption_code)
    if vat.category is VatCategory.EXEMPT and reasons == (None, None):
        yield FieldProblem(
            field="exemption_reason", message="needed for category E, or an exemption_code"
        )


def _no_reason_without_exemption(vat: Vat) -> _Problems:
    """BR-S-10, BR-Z-10, BR-AF-10, BR-AG-10."""
    if vat.category is VatCategory.EXEMPT or vat.category in STANDARD_REASONS:
        return
    for field in ("exemption_reason", "exemption_code"):
        if getattr(vat, field) is not None:
            yield FieldProblem(field=field, message=f"has no place in category {vat.category}")


def _code_is_of_the_category(vat: Vat) -> _Problems:
    """BR-AE-10, BR-IC-10, BR-G-10, BR-O-10: the code means the category."""
    category = _MEANT.get(vat.exemption_code or "", vat.category)
    if vat.category is not category:
        yield FieldProblem(field="exemption_code", message=f"is the reason of category {category}")


_RULES = (
    _rate_fits_category,
    _exemption_is_explained,
    _no_reason_without_exemption,
    _code_is_of_the_category,
)
