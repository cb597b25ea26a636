"""Zero Friction: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import StrictBool, model_validator

from invoicing.document import Code, Iban, Line, Name
from invoicing.model import Typed


class _Choice(Typed):
    """One way of naming a thing: exactly one of its fields."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self


class CustomerChoice(_Choice):
    """By id or account number, by exact name, or by a search that must hit exactly one."""

    id: Name | None = None
    account_number: Name | None = None
    name: Name | None = None
    search: Name | None = None


class ContractChoice(_Choice):
    """One of the customer's contracts."""

    id: Name | None = None
    number: Name | None = None


class BankAccountChoice(_Choice):
    """The organisation's own account that the buyer pays to."""

    default: Literal[True] | None = None
    id: Name | None = None
    iban: Iban | None = None
    property_group: Literal[True] | None = None
    """The one configured for the contract's, or the only given, property group."""


class NamedChoice(_Choice):
    """A tax code or a billing item."""

    id: Name | None = None
    name: Name | None = None


class ServiceLocationChoice(_Choice):
    """One of the places that the customer rents."""

    id: Name | None = None
    external_id: Name | None = None


class PropertyGroup(Typed):
    """A group of the organisation's properties that the invoice is counted to."""

    id: Name
    name: Name | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else. Without `tax_code`, the rate decides."""

    tax_code: NamedChoice | None = None
    billing_item: NamedChoice | None = None
    service_location: ServiceLocationChoice | None = None
    line_type: Literal["charge", "advance", "previouslyadvanced", "vatpennydifference"] = "charge"


class ZeroFrictionOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `customer`: the buyer's account number, else its exact name · `contract`: the document's
    contract, else none · `bank_account`: the payment's IBAN, else the default one ·
    `payment_method`: the payment's means · `lines`: by line id, over `line_defaults`.
    """

    customer: CustomerChoice | None = None
    contract: ContractChoice | None = None
    include_terminated_contracts: StrictBool = False
    bank_account: BankAccountChoice | None = None
    property_groups: tuple[PropertyGroup, ...] = ()
    invoice_type: Literal["incidentalnote", "invoice", "correctionnote", "advance", "endnote"] = (
        "incidentalnote"
    )
    payment_method: Literal["sct", "sdd"] | None = None
    payment_reference: Name | None = None
    disable_vat_calculation: StrictBool = False
    channel: Literal["email", "postal", "mark_sent"] = "email"
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)


UNSAID: Mapping[str, str] = {}
"""Options of which the provider is not told, and what they do instead."""
