"""Signing in with a token, and out."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.door import (
    SIGNING_IN,
    Console,
    Desk,
    drop,
    filled,
    keep,
    session_of,
)
from gateway.problems import Kind, Trouble
from gateway.visits import SIGNED_IN as LET_IN
from gateway.visits import visit_of
from settings.callers import Scope

router = APIRouter()

_WITHIN = re.compile(r"/[A-Za-z0-9._~:#!$&'()*+,;=%/?-]{0,1000}")


def within(path: str) -> str:
    """Where to go on: below the console, whatever was asked for. It is put behind the console's own
    path, so it can lead nowhere else."""
    return path if _WITHIN.fullmatch(path) else "/"


def has_issuer(desk: Console) -> bool:
    """Whether somebody can sign in by the issuer."""
    people = desk.access.people
    return people is not None and people.issuer.settings.client_id is not None


@router.get("/sign-in")
async def form(request: Request, desk: Desk) -> Response:
    """Asks for a token."""
    return asked_for(request, desk, 200)


def asked_for(request: Request, desk: Console, status: int, note: str = "") -> HTMLResponse:
    """The form, with a note of what went wrong."""
    session = session_of(request, desk, SIGNING_IN) or desk.sessions.begin()
    page = desk.pages.page(
        request,
        "sign_in.html",
        session=session,
        status=status,
        note=note,
        next=within(request.query_params.get("next", "/")),
        returned="next" in request.query_params,
        by_issuer=has_issuer(desk),
        signed_out=request.query_params.get("said") == "signed_out",
    )
    keep(request, page, desk, session, SIGNING_IN)
    return page


@router.post("/sign-in")
async def sign_in(request: Request, desk: Desk) -> Response:
    """Lets the bearer of a token in, in a session that nobody knew before."""
    before, visit = session_of(request, desk, SIGNING_IN), visit_of(request)
    if before is None:
        visit.outcome = Kind.FORBIDDEN.slug
        return asked_for(request, desk, 403, desk.pages.words("sign_in.no_cookie"))
    given = await filled(request, desk, before, desk.access.house.reading_unproven)
    try:
        await desk.access.admit(visit, given["token"], Scope.READ)
    except Trouble as trouble:
        if trouble.kind not in (Kind.UNAUTHENTICATED, Kind.FORBIDDEN):
            raise
        visit.outcome = trouble.kind.slug
        words = desk.pages.words
        unknown = trouble.kind is Kind.UNAUTHENTICATED
        return asked_for(
            request,
            desk,
            trouble.kind.status,
            words("sign_in.unknown") if unknown else words("sign_in.may_not_look"),
        )
    visit.outcome = LET_IN
    answer = RedirectResponse(f"{request.scope['root_path']}{within(given['next'])}", 303)
    keep(request, answer, desk, desk.sessions.begin(given["token"]))
    drop(request, answer, SIGNING_IN)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, desk: Desk) -> Response:
    """Ends the session, whoever else has a copy of its cookie."""
    session = session_of(request, desk)
    if session is not None:
        await filled(request, desk, session, desk.access.house.reading_unproven)
        desk.sessions.end(session)
    answer = RedirectResponse(f"{request.scope['root_path']}/sign-in?said=signed_out", 303)
    drop(request, answer)
    return answer
