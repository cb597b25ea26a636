"""Everything that anybody typed is text: on every page, in every field."""

from __future__ import annotations

import json

import pytest
from markupsafe import Markup

from console.render import json_shown, shown
from invoicing.document import Party
from invoicing.state.invoice import Hold, Status
from tests.console.browser import Browser
from tests.console.scenes import differing, everywhere
from tests.lifecycle.world import Company

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% include 'x' %}",
    "**bold** [a link](https://evil.example) `code`",
    "&lt;b&gt; &amp; \u2028 end",
]


@pytest.mark.parametrize("typed", NASTY)
async def test_what_was_typed_is_shown_as_it_was_typed(
    company: Company, browser: Browser, typed: str
) -> None:
    """The buyer, the reason, whoever says who they are: `browser` checks every page for markup."""
    document = {"buyer": Party(name=typed, account_number="K-1001")}
    reference = await differing(company, document=document)
    await company.client.invoices.hold(reference, Hold(by=typed, reason=typed))
    seen = " ".join(str(shown(typed)).split())
    inbox = await everywhere(browser, reference)
    page = await browser.get(f"/console/invoices/{reference}")
    several = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    for each in (inbox, page, several):
        assert seen in each.text
        assert not [given for tag, given in each.tags if "evil" in given.get("href", "")]
    assert page.text.count(seen) >= 3
    form = page.form("/resolve", "correct")
    again = await browser.send(form, ("answer", "correct"), reason=typed, document=typed)
    assert again.status == 422
    assert " ".join(again.form("/resolve", "correct").hidden("reason").split()) == seen
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


@pytest.mark.parametrize("sign", [*"\u202e\u202d\u2066\u2069\u200f\u061c\u200b\ufeff\x00\x1b\x9b"])
def test_what_turns_or_hides_text_is_seen_as_a_sign(sign: str) -> None:
    assert shown(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_in_json_they_are_escaped_so_that_a_form_brings_them_back() -> None:
    said = {"name": "\u200fאלף\u202e & \x7f\u2028", "note": "a\nb"}
    written = json_shown(json.dumps(said, indent=2, ensure_ascii=False))
    assert shown(written) == written
    assert "אלף" in written
    assert json.loads(written) == said


def test_letters_of_every_script_stay_as_they_are() -> None:
    for text in ("Café Zürich", "خط فارسی‌زبان", "हिन्दी क्‍ष", "日本", "👩‍💻", "a\nb\tc"):
        assert shown(text) == text


def test_markup_of_ours_stays_markup() -> None:
    ours = Markup("<b>\u202e</b>")
    assert shown(ours) is ours
    assert shown(7) == 7


@pytest.mark.parametrize(
    "path",
    [
        "/invoices/%3Cscript%3E",
        "/amendments/%3Cscript%3E",
        "/events/%3Cscript%3Ealert(1)%3C/script%3E/b/c",
        "/invoices?status=%3Cscript%3E",
        "/invoices?provider=%22%3E%3Cscript%3E",
        "/invoices?cursor=%3Cscript%3E",
        "/together?of=%3Cscript%3E",
        "/?page=%3Cscript%3E",
        "/?said=%3Cscript%3E",
        "/?said=no_such",
        "/sign-in?next=%2F%22%3E%3Cscript%3E",
        "/books?month=%3Cscript%3E",
        "/findings/%3Cscript%3E",
        "/going?days=%3Cscript%3E",
        "/%3Cscript%3E",
    ],
)
async def test_an_address_puts_nothing_on_a_page(browser: Browser, path: str) -> None:
    page = await browser.get(f"/console{path}")
    assert page.status in (200, 404, 422)
    ours = page.answer.text.count('<script src="/console/live.js" defer>')
    assert page.answer.text.count("<script") == ours
