"""How credits look on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from invoicing.credits.case import Credits, CreditState
from invoicing.money import plain as digits
from terminal import grid, plain, program

MOST_LINES = 50
"""Lines that are shown of an invoice; `--json` has all of them."""


def show_left(state: Credits, console: Console) -> None:
    """What may still be credited of an invoice: a sentence, its lines, its VAT rates."""
    console.print(plain(_headline(state)), soft_wrap=True)
    if state.left is None:
        return
    lines = [each for each in state.left.lines if each.units or each.amount]
    if lines:
        shown = [(each.id, digits(each.units), each.amount) for each in lines[:MOST_LINES]]
        console.print("", grid(("line", "units_left", "worth"), shown), sep="\n")
    if len(lines) > MOST_LINES:
        console.print(f"… and {len(lines) - MOST_LINES} lines more")
    rates = [
        (f"{each.category} {each.rate} %", each.sums.net, each.sums.vat, each.sums.gross)
        for each in state.left.rates
        if each.sums.gross
    ]
    if rates:
        console.print("", grid(("at_rate", "net", "vat", "gross"), rates), sep="\n")


def _headline(state: Credits) -> str:
    number = f", number {state.number}" if state.number else ""
    what = state.left or state.not_creditable or "nothing of it can be credited now"
    waiting = f" Its credits wait for {state.waiting}." if state.waiting else ""
    return f"{state.reference}{number}: {what}.{waiting}"


def credits_table(state: Credits) -> Table:
    """Every credit of an invoice, and what became of it."""
    columns = ("credit", "credit_note", "asked_for", "gross", "status", "became", "number")
    return grid(
        columns,
        (
            (one.credit, one.reference, one.day, one.sums.gross, one.status, one.became, one.number)
            for one in state.credits
        ),
    )


def show_beside(state: Credits, console: Console) -> None:
    """Beside an invoice: what is left of it, its credits, and how it is credited."""
    console.print("", plain(f"Credits: {state.left}."), sep="\n")
    if state.problem:
        console.print(plain(f"{state.problem}: `credits {state.reference}` shows the question."))
    if state.credits:
        console.print(credits_table(state))
    if state.left and state.left.sums.gross:
        for verb, what in (("credit", "--whole"), ("amend", "FILE")):
            told = f'  {program()} {verb} {plain(state.reference)} NAME {what} --reason "…"'
            console.print(told, soft_wrap=True)


def show_made(state: Credits, made: CreditState, console: Console) -> None:
    """One credit that was asked for, and what is left beside it."""
    currency = f" {state.left.currency}" if state.left else ""
    sums = made.sums
    number = f", number {made.number}" if made.number else ""
    console.print(
        plain(
            f"Credit {made.credit} of {made.reference.rpartition('#')[0]}: "
            f"{sums.net} + {sums.vat} = {sums.gross}{currency}, {made.became}"
        ),
        plain(f"Its credit note is {made.reference}: {made.status}{number}"),
        plain(_headline(state)),
        sep="\n",
        soft_wrap=True,
    )
