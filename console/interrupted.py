"""A form that comes back in another session than it was shown in: whoever fills one in for long is
signed out meanwhile. Nothing of it is done, and nothing that was typed is lost: the page carries it
along until somebody who is signed in says once more that it is to be sent."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import escape

from console.door import (
    SIGNED_IN,
    WRITTEN_AS,
    Console,
    Form,
    called,
    filled_in,
    is_form,
    refuse_other_pages,
)
from console.drafting import MOST_FIELDS
from gateway.problems import Kind
from gateway.visits import visit_of


async def form_of_before(request: Request, desk: Console) -> Form | None:
    """What was filled in, of somebody whose session is over: their cookie and the form prove that a
    page of ours showed it to this browser. None for everybody else, of whom nothing is read."""
    before = desk.sessions.opened_ever(request.cookies.get(called(request, SIGNED_IN)))
    if request.method != "POST" or before is None or not is_form(request):
        return None
    refuse_other_pages(request)
    most = WRITTEN_AS * desk.backend.settings.max_body
    return await filled_in(
        request, desk, before, most, desk.access.house.reading_unproven, MOST_FIELDS
    )


def signed_out(request: Request, desk: Console, form: Form) -> HTMLResponse:
    """Says that the session is over, and keeps what was filled in."""
    return _page(request, desk, form, Kind.UNAUTHENTICATED)


def signed_in_anew(request: Request, desk: Console, form: Form) -> HTMLResponse:
    """Asks whether what was filled in before is to be sent by whoever is signed in now."""
    return _page(request, desk, form, Kind.FORBIDDEN)


def _page(request: Request, desk: Console, form: Form, kind: Kind) -> HTMLResponse:
    visit_of(request).outcome = kind.slug
    visitor = getattr(request.state, "visitor", None)
    return desk.pages.page(
        request,
        "interrupted.html",
        visitor,
        status=kind.status,
        reason=form["reason"],
        answer=form["answer"],
        # Of nobody who is signed in: it proves where the form came from, once more.
        before=form["form_token"],
        # Nobody sees these, so no sign of them is replaced.
        carried=[
            (escape(name), escape(value)) for name, value in form.pairs if name != "form_token"
        ],
    )
