"""Signing in by the issuer: to it, and back with a code that proves somebody (OpenID Connect, the
authorization code flow with PKCE)."""

from __future__ import annotations

import hmac
import re

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from console.door import AT_THE_ISSUER, SIGNING_IN, Console, Desk, called, drop, is_local, keep
from console.sessions import Errand
from console.signing_in import asked_for, has_issuer, within
from gateway.issuer import Unproven
from gateway.people import People
from gateway.problems import Kind, Trouble, nothing_here
from gateway.visits import SIGNED_IN as LET_IN
from gateway.visits import visit_of
from settings.callers import Scope

router = APIRouter()

BACK = "/console/sign-in/back"
_CODE = re.compile(r"[!-~]{1,2000}")


def _people(desk: Console) -> People:
    people = desk.access.people
    if people is None or not has_issuer(desk):
        raise nothing_here()
    return people


def _back(people: People) -> str:
    return f"{people.issuer.settings.console}{BACK}"


@router.get("/sign-in/issuer")
async def send(request: Request, desk: Desk) -> Response:
    """Sends somebody to the issuer, with what only this browser brings back."""
    people = _people(desk)
    metadata, settings = await people.issuer.metadata(), people.issuer.settings
    errand = desk.sessions.send(within(request.query_params.get("next", "/")))
    where = prepare_grant_uri(
        metadata.authorization_endpoint,
        settings.client_id,
        "code",
        redirect_uri=_back(people),
        scope=settings.ask,
        state=errand.state,
        nonce=errand.nonce,
        code_challenge=create_s256_code_challenge(errand.verifier),
        code_challenge_method="S256",
    )
    answer = RedirectResponse(where, 303)
    answer.set_cookie(
        called(request, AT_THE_ISSUER),
        desk.sessions.sealed_errand(errand),
        path="/",
        secure=not is_local(request),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/sign-in/back")
async def come_back(request: Request, desk: Desk) -> Response:
    """Lets in whom the issuer proves, in a session that nobody knew before.

    What the errand's cookie allows is allowed once. The answer is a page that leads on, for a
    browser sends no strict cookie where a link from elsewhere leads on to by itself.
    """
    people, visit = _people(desk), visit_of(request)
    errand = desk.sessions.opened_errand(request.cookies.get(called(request, AT_THE_ISSUER)))
    try:
        if errand is None:
            raise _NotProvenError("there is no errand of this browser", "lost")
        desk.sessions.end(errand)
        code = await _code(request, people, errand)
        given = await people.issuer.redeem(code, errand.verifier, _back(people))
        person = await people.signed_in(given, errand.nonce)
        await desk.access.admit(visit, person, Scope.READ)
    except _NotProvenError as error:
        return _refused(request, desk, Kind.UNAUTHENTICATED, error.why, error.word)
    except Unproven as error:
        return _refused(request, desk, Kind.UNAUTHENTICATED, error.why, "not_proven")
    except Trouble as trouble:
        if trouble.kind is not Kind.FORBIDDEN:
            raise
        return _refused(request, desk, Kind.FORBIDDEN, trouble.details.detail, "no_role")
    visit.outcome = LET_IN
    page = desk.pages.page(request, "signed_in.html", next=errand.next)
    keep(request, page, desk, desk.sessions.begin(person=person))
    for name in (AT_THE_ISSUER, SIGNING_IN):
        drop(request, page, name)
    return page


class _NotProvenError(Exception):
    """Why, for the log, and the word under which a sentence tells the person."""

    def __init__(self, why: str, word: str) -> None:
        super().__init__(why)
        self.why, self.word = why, word


async def _code(request: Request, people: People, errand: Errand) -> str:
    """The code that came back, once it is certain that the issuer sent it, and to this browser."""
    came = request.query_params
    if not hmac.compare_digest(came.get("state", "").encode(), errand.state.encode()):
        raise _NotProvenError("the state is of another errand", "lost")
    metadata = await people.issuer.metadata()
    says = came.get("iss")
    needed = metadata.authorization_response_iss_parameter_supported
    if says != metadata.issuer and (needed or says is not None):
        raise _NotProvenError("another issuer sent it", "not_proven")
    if "error" in came:
        raise _NotProvenError("the issuer says no", "said_no")
    code = came.get("code", "")
    if not _CODE.fullmatch(code):
        raise _NotProvenError("there is no code", "not_proven")
    return code


def _refused(request: Request, desk: Console, kind: Kind, why: str, word: str) -> Response:
    visit = visit_of(request)
    visit.outcome, visit.why = kind.slug, why
    page = asked_for(request, desk, kind.status, desk.pages.words(f"sign_in.{word}"))
    drop(request, page, AT_THE_ISSUER)
    return page


@router.get("/sign-out/issuer")
async def sign_out_there(desk: Desk) -> Response:
    """To where the issuer asks whether to sign out of it too."""
    people = _people(desk)
    where = (await people.issuer.metadata()).end_session_endpoint
    if where is None:
        raise nothing_here()
    who = [("client_id", people.issuer.settings.client_id)]
    return RedirectResponse(add_params_to_uri(where, who), 303)
