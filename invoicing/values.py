"""What people type that has a check digit or a register: checked by libraries, errors in words."""

from __future__ import annotations

import schwifty
import stdnum.eu.vat
import stdnum.exceptions
from schwifty.exceptions import SchwiftyException


def iban(value: str) -> str:
    """The IBAN without spaces; ValueError if its country, length or check digits are wrong."""
    try:
        return str(schwifty.IBAN(value))
    except SchwiftyException as error:
        raise ValueError("is not a valid IBAN") from error


def bic(value: str) -> str:
    """The BIC without spaces; ValueError if it is not built like one (ISO 9362)."""
    try:
        return str(schwifty.BIC(value))
    except SchwiftyException as error:
        raise ValueError("is not a valid BIC") from error


def vat_number(value: str) -> str:
    """The EU VAT number in compact form with its country; ValueError if its check fails."""
    try:
        return str(stdnum.eu.vat.validate(value))
    except stdnum.exceptions.ValidationError as error:
        raise ValueError("is not a valid EU VAT number") from error
