"""Quiddly: what an account is configured with."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from invoicing.document import Name
from invoicing.model import Typed
from invoicing.money import Currency
from providers.kit.http import BaseUrl, HeaderSecret

NAME = "Quiddly"


def _route(placeholder: str) -> AfterValidator:
    def check(route: str) -> str:
        try:
            named = [name for _, name, _, _ in Formatter().parse(route) if name is not None]
        except ValueError:
            named = []
        if not route.startswith("/") or named != [placeholder]:
            raise ValueError(f"must begin with / and contain {{{placeholder}}} once")
        return route

    return AfterValidator(check)


class QuiddlySettings(Typed):
    """One client at Quiddly, or several behind one user; then `client_id` says which."""

    base_url: BaseUrl
    """`https://{alias}api.{domain}`: every customer of Quiddly's has a domain of its own."""
    token: HeaderSecret | None = None
    """A service account's long-lived token; else sign in by username and password."""
    username: Name | None = None
    password: Annotated[SecretStr | None, Field(validate_default=True)] = None
    client_id: Name | None = None
    """Needed where the user is not the client's own; then answers about others are not ours."""
    base_currency: Currency = "SEK"
    """In which Quiddly handles the invoices and their transactions."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    read_route: Annotated[str, _route("id")] | None = None
    """Inferred, such as `/invoices/{id}`; without it nothing is read and people confirm."""
    find_route: Annotated[str, _route("number")] | None = None
    """Inferred, such as `/invoices?invoiceNumber={number}`, answered with a list."""
    delete_route: Annotated[str, _route("id")] | None = None
    """Inferred, such as `/invoices/{id}`, called with DELETE."""
    payments_feed: bool = True
    """The feed has one reader: what is acknowledged here is gone for everybody. Off where another
    system exports the payments."""
    feed_minutes: Annotated[float, Field(gt=0, le=1440)] = 15.0
    feed_page: Annotated[int, Field(ge=1, le=1000)] = 10
    """Payments per page. The guide's own figure; how many may be asked for is unknown."""
    invoice_amount: Literal["amount", "amountLocale"] = "amount"
    """Unknown: which amount of a payment is in the invoice's currency if that is not the base."""
    credit_type: Name | None = None
    """Unknown: the `type` of a credit invoice. Without it credit notes are refused."""
    credit_amounts: Literal["positive", "negative"] = "positive"
    """Unknown: how the amounts of a credit invoice are signed."""
    write_reference: bool = True
    """Whether our reference stands on the invoice where the request leaves room. It keeps two
    invoices of one number apart."""
    vat_rounding: Literal["line", "category"] = "line"
    """Unknown. Per line makes the VAT rows the sums of the article rows, as in the example."""

    @field_validator("password")
    @classmethod
    def _one_way_in(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        token, username = info.data.get("token"), info.data.get("username")
        if token and (username or value):
            raise ValueError("must be left out, as the username: there is a token")
        if not token and not (username and value):
            raise ValueError("needed together with a username, unless there is a token")
        return value

    def headers(self) -> dict[str, str]:
        """Those of every call; none where it is signed in for a token."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
