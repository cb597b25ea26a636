"""Many invoices of one file: what each would come to, asked for, followed, and the result taken.
The page carries the file along, so that nothing of it is kept between two pages, and the same file
again, in whatever browser, is the same batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from console.door import Console, Desk, Form, Starting
from console.render import Visitor
from console.subjects import worth
from console.uploads import Upload, uploaded
from gateway.batch import Batch, Batches, result_file
from gateway.files import MOST_INVOICES, Sheet, ending_of, sheet_of, wishes_in
from gateway.problems import Kind, Trouble
from gateway.visits import visit_of
from invoicing.errors import FieldProblem, InvalidRequest

router = APIRouter()

CHOICES: Mapping[str, tuple[str, ...]] = {
    "decimal": ("comma", "point"),
    "dates": ("dmy", "mdy", "ymd"),
    "rates": ("percent", "fraction"),
    "hidden": ("read", "skip"),
}
"""What a file may leave open and is chosen of these."""
WRITTEN = ("encoding", "separator", "sheet", "ignore")
"""And what is typed."""


@router.get("/batch")
async def choose(request: Request, desk: Desk, visitor: Starting) -> HTMLResponse:
    """Where a file is dropped."""
    return _form(request, desk, visitor, Form([]))


@router.post("/batch")
async def work(request: Request, desk: Desk, visitor: Starting) -> Response:
    """Look through the file, ask for what is in it, or hand out what has become of it."""
    form, upload = await uploaded(request, desk, visitor.session)
    if upload is None:
        missing = FieldProblem(field="file", message=desk.pages.words("batch.no_file"))
        return _form(request, desk, visitor, form, None, [missing])
    try:
        sheet = await _sheet(desk, visitor, form, upload)
    except InvalidRequest as error:
        found = error.fields or [FieldProblem(field="file", message=str(error))]
        return _form(request, desk, visitor, form, upload, found)
    except Trouble as trouble:
        if trouble.kind is not Kind.INVALID:
            raise
        return _form(request, desk, visitor, form, upload, trouble.details.errors)
    batches = Batches(desk.backend, desk.access, visitor.caller, visit_of(request), request.scope)
    batch = await (batches.started(sheet) if form["doing"] == "start" else batches.seen(sheet))
    if form["doing"] == "result":
        return await _handed_out(desk, batch, sheet, upload)
    return _shown(request, desk, visitor, form, upload, batch)


async def _sheet(desk: Console, visitor: Visitor, form: Form, upload: Upload) -> Sheet:
    wishes = wishes_in(form.given(*CHOICES, *WRITTEN))
    ending = ending_of(upload.name)
    return await sheet_of(desk.backend, visitor.caller, upload.content, ending, wishes)


def _form(
    request: Request,
    desk: Console,
    visitor: Visitor,
    form: Form,
    upload: Upload | None = None,
    mistakes: Any = (),
) -> HTMLResponse:
    """The form, with what is to be said first where a file leaves it open."""
    if mistakes:
        visit_of(request).outcome = Kind.INVALID.slug
    return desk.pages.page(
        request,
        "batch.html",
        visitor,
        status=422 if mistakes else 200,
        mistakes=mistakes,
        upload=upload,
        form=form,
        batch=None,
        **_fields(),
    )


def _fields() -> dict[str, Any]:
    return {
        "choices": CHOICES,
        "written": WRITTEN,
        "most": MOST_INVOICES,
        "wishes_of": (*CHOICES, *WRITTEN),
    }


def _shown(
    request: Request,
    desk: Console,
    visitor: Visitor,
    form: Form,
    upload: Upload,
    batch: Batch,
) -> HTMLResponse:
    return desk.pages.page(
        request,
        "batch.html",
        visitor,
        mistakes=(),
        upload=upload,
        form=form,
        batch=batch,
        doing=form["doing"],
        sums=worth(batch.invoices),
        ready=batch.outcomes.get("not asked", 0) + batch.outcomes.get("asking", 0),
        **_fields(),
    )


async def _handed_out(desk: Console, batch: Batch, sheet: Sheet, upload: Upload) -> Response:
    """The result as a file that is written as theirs was."""
    content, ending, media = await result_file(batch, sheet.dialect)
    name = f"{upload.name.rpartition('.')[0] or 'batch'}.result{ending}"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    return Response(content, 200, headers, media)
