"""How long one request keeps the gateway's loop to itself: `python -m benchmarks.steps`.

While a step of the loop runs, nobody else is answered. The largest body of each door is sent to a
gateway with the default settings, with encryption, over a Temporal server of its own and without a
worker; each step of the loop is timed by the CPU time of its thread, so that a busy machine makes
none longer. What is read beside the loop is another thread's, and takes turns with it. Everything
is sent twice: what only the first one costs, everybody who comes later is spared.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import io
import json
import tempfile
import threading
import time
from asyncio import events
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openpyxl
from pydantic import SecretStr
from rich.table import Table
from temporalio.client import Client

from benchmarks.bodies import SECRET, SOURCE, payloads_of
from documents import DocumentStore
from documents import opened as store_at
from gateway import tokens
from gateway.app import application
from invoicing.attachment import MOST_BYTES, digest_of
from invoicing.client import InvoicingClient, converter
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from register import opened
from register.reading import Reader
from settings.accounts import hooks
from settings.callers import CallerSettings, Scope, Token
from settings.gateway import GatewaySettings
from temporal_server import local_server
from terminal import screen

COMMAND = "python -m benchmarks.steps"
MOST = 0.050
"""Seconds that no step should take longer."""
VAT = {"rate": "21"}
JSON = {"Content-Type": "application/json"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Sent:
    """One request: the door, and the largest that it takes."""

    name: str
    path: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"


def _lines(count: int, **more: Any) -> list[dict[str, Any]]:
    line = {"name": "x", "quantity": "1", "unit_price": "1", "vat": VAT, **more}
    return [{"id": f"{number}", **line} for number in range(count)]


def _document(lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    buyer = {"name": "Canary Energy BV"}
    return {"currency": "EUR", "issue_date": "2026-06-30", "buyer": buyer, "lines": lines, **more}


def _request(reference: str, lines: list[dict[str, Any]], **more: Any) -> bytes:
    request = {"reference": reference, "provider": "mollie", "document": _document(lines, **more)}
    return _json(request)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


LONG = {"name": "n" * 200, "description": "d" * 200}
REDUCED = [{"percent": "0.5", "reason": "loyalty"}] * 5
HEADER = (
    *("reference", "provider", "currency", "issue_date", "buyer.name", "line.id", "line.name"),
    *("line.quantity", "line.unit_price", "line.vat.rate"),
)


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    for row in range(count):
        reference = f"S-{row // 40}"
        yield (reference, "mollie", "EUR", "2026-06-30", "B", f"{row}", "x", "1", "1.00", "21")


def _csv() -> bytes:
    return "\n".join([",".join(HEADER), *map(",".join, _rows(11_000))]).encode()


def _xlsx() -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADER, *_rows(4_000)):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _jsonl() -> bytes:
    return b"\n".join(_request(f"J-{each}", _lines(40)) for each in range(290))


def _deliveries() -> Iterator[Sent]:
    by = {"by": "somebody", "reason": "benchmark"}
    answer = {**by, "question": "q1", "answer": "correct", "document": _document(_lines(1000))}
    yield Sent("an answer with a document", "/v1/invoices/long/resolve", _json(answer))
    ids = [f"{number}" for number in range(1000)]
    deliver = {"delivery": "d", "issue_date": "2026-06-30", "lines": ids}
    yield Sent("a delivery", "/v1/orders/O-1/deliver", _json(deliver))


def _besides() -> Iterator[Sent]:
    """What goes to the ledgers of credits and amendments, to the store and to the register."""
    by = {"by": "somebody", "reason": "benchmark"}
    lines = [{"id": f"{number}", "quantity": "1"} for number in range(1000)]
    credit = {**by, "credit": "c", "lines": lines}
    yield Sent("a credit of lines", "/v1/invoices/long/credits", _json(credit))
    made = {"reference": "new", "provider": "mollie", "document": _document(_lines(1000, **LONG))}
    amend = {**by, "amendment": "a", "invoice": made}
    yield Sent("an amendment", "/v1/invoices/long/amendments", _json(amend))
    pdf = b"%PDF-1.7".ljust(MOST_BYTES, b"x")
    where = f"/v1/attachments/mollie/default/{digest_of(pdf)}"
    yield Sent("an attachment", where, pdf, {"Content-Type": "application/pdf"}, "PUT")
    saved = {"name": "n" * 60, "filters": {"text": "t" * 100, "buyer": "b" * 100}}
    yield Sent("a saved list", "/v1/lists", _json(saved))


def _webhooks() -> Iterator[Sent]:
    told = _json({"_type": "paymentreceived", "invoiceId": "1", "more": ["x" * 10] * 70_000})
    for name, header, prefix in (
        ("zero_friction", "x-webhook-signature-256", ""),
        ("invoro", "x-signature-sha256", "sha256="),
    ):
        signature = prefix + hmac.new(SECRET.encode(), told, hashlib.sha256).hexdigest()
        yield Sent(f"a webhook of {name}", f"/webhooks/{name}/default", told, {header: signature})
    part = {"invoiceReference": "INV-1", "customerNumber": "C-1"}
    documents = [{"documentType": "INVOICE", "documentInformation": [part] * 500}]
    parts = _json({"type": "accounting/documentCreated", "documents": documents})
    yield Sent("a notification in 500 parts", "/webhooks/riverty/default", parts, {})


def every(payloads: bytes) -> Iterator[Sent]:
    """Each door with the largest that it takes, or the most laborious."""
    long, many = _lines(1000, **LONG), _lines(1000, allowances=REDUCED)
    yield Sent("an invoice, long", "/v1/invoices", _request("long", long))
    yield Sent("an invoice, adjusted", "/v1/invoices", _request("many", many))
    yield Sent("an invoice, other content", "/v1/invoices", _request("many", long))
    yield Sent("an order", "/v1/orders", _request("O-1", _lines(1000, name="n" * 255)))
    yield Sent("a preview", "/v1/invoices/preview", _request("long", long))
    yield from _deliveries()
    mistakes = _request("wrong", [{}] * 1000)
    yield Sent("an invoice, all wrong", "/v1/invoices", mistakes)
    unknown = _request("wrong", _lines(1), **{f"x{number:020}": 0 for number in range(30_000)})
    yield Sent("an invoice, unknown fields", "/v1/invoices", unknown)
    for way in ("preview", ""):
        path = f"/v1/batches/{way}".rstrip("/")
        yield Sent(f"CSV, {way or 'asked for'}", path, _csv(), {"Content-Type": "text/csv"})
        yield Sent(f"XLSX, {way or 'asked for'}", path, _xlsx(), {"Content-Type": XLSX})
        kind = {"Content-Type": "application/jsonl"}
        yield Sent(f"JSON lines, {way or 'asked for'}", path, _jsonl(), kind)
    yield from _besides()
    yield from _webhooks()
    yield Sent("payloads to decrypt", "/codec/decode", payloads)
    yield Sent("a list", "/v1/invoices?limit=100", method="GET")
    yield Sent("the questions", "/v1/questions", method="GET")
    yield Sent("the OpenAPI document", "/openapi.json", method="GET")


class Steps:
    """Times every step of the loop by the CPU time of its thread."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._run = events.Handle._run  # noqa: SLF001

    def __enter__(self) -> Steps:
        run, here = self._run, threading.get_ident()

        def timed(handle: Any) -> None:
            if threading.get_ident() != here:
                return run(handle)  # of a loop beside this one
            before = time.thread_time()
            try:
                run(handle)
            finally:
                self.longest = max(self.longest, time.thread_time() - before)

        events.Handle._run = timed  # type: ignore[method-assign, assignment]  # noqa: SLF001
        return self

    def __exit__(self, *_: object) -> None:
        events.Handle._run = self._run  # type: ignore[method-assign]  # noqa: SLF001


@asynccontextmanager
async def staged(codec: EncryptionCodec) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """The gateway, asked in its own loop, and the header of somebody who may do everything."""
    token = tokens.new()
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/register.db"
        opened(place).close()
        with contextlib.closing(Reader(place)) as books:
            async with _asked(codec, token, books, store_at(f"{folder}/store")) as asking:
                yield asking, {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def _asked(
    codec: EncryptionCodec, token: str, books: Reader, store: DocumentStore
) -> AsyncIterator[httpx.AsyncClient]:
    caller = CallerSettings(tokens=(Token.read(tokens.written(token)),), may=tuple(Scope))
    settings = GatewaySettings(worker_seconds=1, rate=10_000, burst=10_000)
    secrets = {f"{name}_WEBHOOK_SECRETS": SECRET for name in ("INVORO", "ZERO_FRICTION")}
    async with local_server(own=True) as server, httpx.AsyncClient() as http:
        encrypted = dataclasses.replace(converter(), payload_codec=codec)
        client = await Client.connect(server.address, data_converter=encrypted)
        told = hooks({**secrets, "RIVERTY_NOTIFICATION_SOURCES": SOURCE}, http)
        callers = {"benchmark": caller}
        app = application(InvoicingClient(client), told, settings, callers, books, documents=store)
        app.openapi()  # as the gateway does before it serves
        transport = httpx.ASGITransport(app, client=(SOURCE, 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=600
        ) as asking:
            yield asking


async def main() -> None:
    """Send everything twice, and print the longest step of each."""
    table = Table("door", "sent", "answer", "longest step, first", "again")
    codec = EncryptionCodec(read_keys(SecretStr(new_key("k"))))
    async with staged(codec) as (http, bearer):
        for one in every(await payloads_of(codec, 4_000)):
            found, status = [], 0
            for _ in range(2):
                with Steps() as steps:
                    answer = await http.request(
                        one.method, one.path, content=one.content, headers={**bearer, **one.headers}
                    )
                found.append(steps.longest)
                status = answer.status_code
            shown = [f"{1000 * each:.0f} ms{' !' if each > MOST else ''}" for each in found]
            table.add_row(one.name, f"{len(one.content) / 1000:.0f} kB", f"{status}", *shown)
    screen().print(table)


if __name__ == "__main__":
    asyncio.run(main())
