"""A document comes from the provider alone, and is about the invoice that was asked about."""

from __future__ import annotations

import pytest

from invoicing.errors import Rejected, Unreadable
from providers.kit.documents import refuse_another, trusted_link
from providers.kit.http import Call

BASE = "https://api.mollie.com"


def test_a_link_to_the_provider_is_opened() -> None:
    link = "https://www.mollie.com/invoices/pdf/abc"
    assert trusted_link(link, BASE, "mollie.com") == link


def test_a_stand_in_on_this_machine_is_as_good_as_its_provider() -> None:
    link = "http://127.0.0.1:8123/pdf/abc"
    assert trusted_link(link, "http://127.0.0.1:8123/v2", "mollie.com") == link


@pytest.mark.parametrize(
    "link",
    [
        "http://www.mollie.com/pdf",
        "https://mollie.com.example/pdf",
        "https://evilmollie.com/pdf",
        "https://user:word@www.mollie.com/pdf",
        "https://169.254.169.254/latest",
        "http://127.0.0.1:9/pdf",
        "file:///etc/passwd",
        "//www.mollie.com/pdf",
        "https://evil.example\\.mollie.com/pdf",
        "https://evil.example\t.mollie.com/pdf",
        "https://evil.example%2f.mollie.com/pdf",
        "https://www.mollie.com/pdf\r\nSet-Cookie: a=b",
        "https://www.mollie.com:port/pdf",
        "https://[www.mollie.com/pdf",
        "",
    ],
)
def test_a_link_to_anywhere_else_is_refused(link: str) -> None:
    with pytest.raises(Rejected, match="another place"):
        trusted_link(link, BASE, "mollie.com")


def test_a_stand_in_is_reached_in_its_own_way_alone() -> None:
    """A console sends browsers there."""
    with pytest.raises(Rejected, match="another place"):
        trusted_link("javascript://127.0.0.1:8123/%0aalert(1)", "http://127.0.0.1:8123", "x.com")


def test_an_answer_about_another_invoice_names_no_document() -> None:
    call = Call(
        provider="Mollie",
        name="document",
        method="GET",
        base_url=BASE,
        route="/invoices/{id}",
        changes=False,
        ids={"id": "invoice_1"},
    )
    refuse_another(call, "invoice_1")
    with pytest.raises(Unreadable, match="another invoice"):
        refuse_another(call, "invoice_2")
