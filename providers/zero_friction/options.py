"""Zero Friction: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import ConfigDict, StrictBool, model_validator

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
    """The provider's id."""
    account_number: Name | None = None
    """The customer's account number."""
    name: Name | None = None
    """The exact name."""
    search: Name | None = None
    """Words of which exactly one customer is found."""


class ContractChoice(_Choice):
    """One of the customer's contracts."""

    id: Name | None = None
    """The provider's id."""
    number: Name | None = None
    """The contract's number."""


class BankAccountChoice(_Choice):
    """The organisation's own account that the buyer pays to."""

    default: Literal[True] | None = None
    """The organisation's default account, also where the document names an IBAN."""
    id: Name | None = None
    """The provider's id."""
    iban: Iban | None = None
    """The account's IBAN."""
    property_group: Literal[True] | None = None
    """The one configured for the contract's, or the only given, property group."""


class NamedChoice(_Choice):
    """A tax code or a billing item."""

    id: Name | None = None
    """The provider's id."""
    name: Name | None = None
    """The exact name."""


class ServiceLocationChoice(_Choice):
    """One of the places that the customer rents."""

    id: Name | None = None
    """The provider's id."""
    external_id: Name | None = None
    """One's own id of the place."""


class PropertyGroup(Typed):
    """A group of the organisation's properties that the invoice is counted to."""

    id: Name
    """The provider's id."""
    name: Name | None = None
    """The group's name."""


class LineOptions(Typed):
    """What a line has here and nowhere else. Without `tax_code`, the rate decides."""

    tax_code: NamedChoice | None = None
    """Which tax code the line has. Left out, the rate decides."""
    billing_item: NamedChoice | None = None
    """Which billing item of the provider's the line is."""
    service_location: ServiceLocationChoice | None = None
    """Which of the customer's places it is for."""
    line_type: Literal["charge", "advance", "previouslyadvanced", "vatpennydifference"] = "charge"
    """What kind of line it is, in the provider's word."""


class ZeroFrictionOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "bank_account": {"property_group": True},
                    "lines": {"heat": {"billing_item": {"name": "Heat"}}},
                }
            ]
        }
    )

    customer: CustomerChoice | None = None
    """Who is invoiced. Left out, the buyer's account number, else its exact name."""
    contract: ContractChoice | None = None
    """Which contract it is for. Left out, the document's, else none."""
    include_terminated_contracts: StrictBool = False
    """Whether a contract that has ended may be found."""
    bank_account: BankAccountChoice | None = None
    """Which account is paid to. Left out, the payment's IBAN, else the default one."""
    property_groups: tuple[PropertyGroup, ...] = ()
    """The groups of properties that the invoice is counted to."""
    invoice_type: Literal["incidentalnote", "invoice", "correctionnote", "advance", "endnote"] = (
        "incidentalnote"
    )
    """What kind of invoice it is, in the provider's word."""
    payment_method: Literal["sct", "sdd"] | None = None
    """Credit transfer or direct debit. Left out, the payment's means."""
    payment_reference: Name | None = None
    """What the buyer is to state with the payment."""
    disable_vat_calculation: StrictBool = False
    """Whether the provider is not to reckon VAT by itself."""
    channel: Literal["email", "postal", "mark_sent"] = "email"
    """How it reaches the buyer; `mark_sent`: the caller hands it out, and it is noted as sent."""
    line_defaults: LineOptions = LineOptions()
    """What every line has unless it says otherwise."""
    lines: dict[Code, LineOptions] = {}
    """What single lines have, by line id, over `line_defaults`."""

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)


UNSAID: Mapping[str, str] = {}
"""Options of which the provider is not told, and what they do instead."""
