"""Invoices as they change, until each has ended or waits for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager

import typer

from commands.base import Code, answered
from invoicing.client import Failed, InvoicingClient
from invoicing.client.server import ACTIVITIES, pollers
from invoicing.errors import CutOff, EngineError
from invoicing.state.identity import provider_queue
from invoicing.state.invoice import Invoice, Status
from terminal import FELL_THROUGH, Board, plain, rests, screen, trouble, waits_for_person

Shower = Callable[[Invoice], None]


async def served(client: InvoicingClient, provider: str) -> bool:
    """Whether a worker was there lately for this provider, or the server does not say."""
    try:
        return bool(await pollers(client.temporal, provider_queue(provider), ACTIVITIES))
    except EngineError:
        return True


async def follow(client: InvoicingClient, references: Sequence[str], as_json: bool) -> Code:
    """Show them until each is settled, and say what a person has to know of it."""
    wanted = list(dict.fromkeys(references))
    for reference in wanted:
        await answered(client.invoices.state(reference))
    with _shower(as_json) as shower:
        last = await asyncio.gather(*(_followed(client, each, shower) for each in wanted))
    return max([await explain(client, each) for each in last])


async def _followed(client: InvoicingClient, reference: str, shower: Shower) -> Invoice | CutOff:
    """As it is in the end; one that was cut off must not end the watching of the others."""
    try:
        return await until_settled(client, reference, shower)
    except CutOff as error:
        return error


@contextmanager
def _shower(as_json: bool) -> Iterator[Shower]:
    if as_json:
        yield lambda invoice: typer.echo(invoice.model_dump_json())
        return
    with Board(screen()) as board:
        yield board.show


async def until_settled(client: InvoicingClient, reference: str, shower: Shower) -> Invoice:
    """Show it as it changes; as it is once it has ended, or waits for a person or its day.

    Raises NotFound, CutOff.
    """
    async with aclosing(client.invoices.changes(reference)) as changes:
        async for invoice in changes:
            shower(invoice)
            if rests(invoice):
                break
    if not invoice.ended and (cut := await client.invoices.cut_off(reference)):
        raise cut
    return invoice


async def explain(client: InvoicingClient, invoice: Invoice | CutOff) -> Code:
    """On standard error what a person has to know about it; the code that it comes to."""
    if isinstance(invoice, CutOff):
        typer.echo(f"{plain(invoice)}.", err=True)
        return Code.FAILED
    reference = plain(invoice.reference)
    if invoice.problem:
        typer.echo(f"{reference}. {trouble(invoice.problem, ended=invoice.ended)}", err=True)
    elif invoice.status is Status.HELD:
        typer.echo(f"{reference} is held: `release` lets it go on.", err=True)
    elif invoice.status is Status.SCHEDULED:
        typer.echo(f"{reference} waits for its day: `release` sends it now.", err=True)
    elif invoice.status in (Status.REJECTED, Status.EXPIRED):
        typer.echo("\n  ".join(await why_it_failed(client, invoice.reference)), err=True)
    if waits_for_person(invoice):
        return Code.NEEDS_ATTENTION
    return Code.FAILED if invoice.status in FELL_THROUGH else Code.DONE


async def why_it_failed(client: InvoicingClient, reference: str) -> list[str]:
    """A sentence, then the fields it is about; nothing when it did not fail."""
    try:
        await client.invoices.result(reference)
    except Failed as error:
        return [plain(error), *(plain(each) for each in error.fields)]
    return []
