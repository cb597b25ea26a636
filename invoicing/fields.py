"""What may stand in one field of a document: text, codes, days and numbers, with their bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from invoicing.codes import LISTS
from invoicing.money import Number
from invoicing.values import (
    MOST_WRITTEN,
    bic,
    day,
    email,
    iban,
    not_zero,
    readable,
    vat_number,
)

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(readable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(readable)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=50), AfterValidator(readable)]
Day = Annotated[date, BeforeValidator(day)]
Written = Annotated[str, StringConstraints(max_length=MOST_WRITTEN)]
Email = Annotated[Written, AfterValidator(email)]
VatNumber = Annotated[Written, AfterValidator(vat_number)]
Iban = Annotated[Written, AfterValidator(iban)]
Bic = Annotated[Written, AfterValidator(bic)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
NotZero = Annotated[Number, AfterValidator(not_zero)]


def _of(name: str) -> Callable[[str], str]:
    return LISTS[name].check


Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$"), AfterValidator(_of("units"))]
Means = Annotated[
    str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$"), AfterValidator(_of("payment_means"))
]
ExemptionCode = Annotated[Code, AfterValidator(_of("exemption_reasons"))]
