"""One credit, lived to its end while something fails: what it came to here and at the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from invoicing.credits.case import Credits
from invoicing.credits.credit import Credit
from invoicing.state.invoice import Invoice, Problem
from invoicing.state.questions import Answer
from sandbox.kit.accounts import NOTHING, Account, Rates
from sandbox.kit.faults import Placed
from tests.lifecycle.credit_kinds import CREDITINGS
from tests.lifecycle.kinds.kind import BRISK, CORRECT, Expected, Shop
from tests.lifecycle.lived import Lived
from tests.lifecycle.provider_world import opened
from tests.lifecycle.scenarios import Scenario, in_time, meanwhile, open_gates
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH


@dataclass
class Crediting:
    """An invoice that has ended, and the one credit that is made of it."""

    shop: Shop
    invoice: Invoice
    reference: str
    """Of the credit note."""
    effects_before: int
    calls_before: int
    step: str

    @property
    def account(self) -> Account:
        """The invoice's, at the provider."""
        account: Account = self.shop.stand_in.ledger.account(self.invoice.reference)
        return account

    @property
    def effects(self) -> tuple[str, ...]:
        """What was committed at the provider since the invoice ended."""
        entries = self.shop.stand_in.ledger.entries[self.effects_before :]
        return tuple(entry.effect.value for entry in entries)

    @property
    def calls(self) -> int:
        """How often the step was called since."""
        return int(self.shop.stand_in.calls.count(self.step)) - self.calls_before

    async def answer(self, answer: Answer) -> None:
        """As a person who looks at the provider first."""
        await self.shop.kind.by_hand(self.shop, self.reference)
        said = {}
        if answer is CORRECT:
            handle = self.shop.client.invoices.handle(self.reference)
            known = await handle.query("request")
            said = {"document": known["request"]["document"]}
        await self.shop.resolve(self.reference, answer, **said)

    async def credits(self) -> Credits:
        """The invoice's credits, once the only one is over."""
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                state = await self.shop.client.credits.state(self.invoice.reference)
                if all(each.ended for each in state.credits):
                    return state
                await asyncio.sleep(0.05)  # What a ledger hears of its notes, it tells nobody.


async def lived(world: World, provider: str, scenario: Scenario) -> Lived:
    """Live this scenario to its end, in a company of its own."""
    life, kind = scenario.life, CREDITINGS[provider].kind
    paces, patience = BRISK.model_copy(update=dict(life.paces)), in_time(scenario)
    about = kind.provider or provider
    async with opened(
        world, about, kind=kind, paces=paces, patience=patience, **life.stand_in
    ) as shop:
        made, placed = await _begun(shop, provider, scenario)
        problems: list[Problem] = []
        found: list[str] = []
        ended: Invoice | None = None
        reached: Expected | None = None
        try:
            async with asyncio.timeout(LONG_ENOUGH), meanwhile(open_gates(placed)):
                ended = await _live(made, scenario, problems)
                reached = await _reached(made, scenario, problems)
                found += await _differs(made, ended, scenario, reached)
                found += [f"{one.fault} never struck" for one in placed if not one.hits]
        except Exception as error:  # noqa: BLE001
            found.append(f"{type(error).__name__}: {error}")
        return Lived(
            status=ended.status if ended else None,
            live=shop.live(made.invoice.reference),
            effects=made.effects,
            calls=reached.calls if reached else None,
            asked=tuple((one.reason, scenario.expected.answer) for one in problems),
            adopted=reached is not None and reached.adopted,
            credited=tuple(each.stated.gross for each in made.account.credits),
            wrong=tuple(found),
            report=f"{scenario}\n{await shop.report(made.reference, found)}" if found else "",
        )


async def _begun(shop: Shop, provider: str, scenario: Scenario) -> tuple[Crediting, list[Placed]]:
    """The invoice at its end, and its credit begun, with the faults in their places."""
    life, stand_in = scenario.life, shop.stand_in
    invoice = await shop.finished(await shop.start(shop.request(**life.request)))
    before = len(stand_in.ledger.entries), stand_in.calls.count(life.step)
    if life.also:
        stand_in.faults.place(life.also[0], life.also[1], when=life.also[2])
    placed = scenario.place(stand_in)
    wanted = {
        "credit": "C1",
        "by": "an operator",
        "reason": "it came back",
        "options": CREDITINGS[provider].options or {},
        # So that the ledger knows the note by our reference.
        "number": f"{invoice.reference}#C1" if shop.kind.numbers else None,
        **(life.credits or {}),
    }
    note = await shop.client.credits.make(invoice.reference, Credit.model_validate(wanted))
    return Crediting(shop, invoice, note.reference, *before, life.step), placed


async def _live(made: Crediting, scenario: Scenario, problems: list[Problem]) -> Invoice:
    shop = made.shop
    if not scenario.expected.parked:
        # Cheaper than following it; one that is parked unexpectedly shows up a little later.
        with suppress(TimeoutError):
            return await shop.finished(made.reference, within=30)
    while not (state := await shop.at_rest(made.reference, within=100)).ended:
        assert state.problem is not None
        problems.append(state.problem)
        assert not (found := _too_much(made.account)), f"while it is parked: {found}"
        assert len(problems) < 4 + len(scenario.expected.parked), "parked again and again"
        await made.answer(scenario.expected.answer)
    return state


async def _reached(made: Crediting, scenario: Scenario, problems: Sequence[Problem]) -> Expected:
    wanted = scenario.expected
    adopted = False
    if wanted.adopted:
        journal = await made.shop.client.invoices.journal(made.reference)
        adopted = any("adopted" in entry.what for entry in journal.entries)
    return Expected(
        calls=None if wanted.calls is None else made.calls,
        parked=tuple(problem.reason for problem in problems),
        answer=wanted.answer,
        adopted=adopted,
        effects=wanted.effects,
    )


async def _differs(
    made: Crediting, note: Invoice, scenario: Scenario, reached: Expected
) -> list[str]:
    wanted, life = scenario.expected, scenario.life
    found = _too_much(made.account) + await _not_so_here(made, note)
    if reached != wanted:
        found.append(f"expected {wanted}, came to {reached}")
    effects = life.effects if wanted.effects is None else wanted.effects
    if (there := " ".join(made.effects)) != effects:
        found.append(f"expected effects {effects!r}, there are {there!r}")
    if made.shop.stand_in.ledger.loose:
        found.append("a credit names no invoice")
    return found


def _too_much(account: Account) -> list[str]:
    """What no moment may show: one credit that counts twice, or more than was invoiced."""
    found = ["credited twice"] if len(account.credits) > 1 else []
    return found + (["more is credited than was invoiced"] if _gross(account.excess) else [])


async def _not_so_here(made: Crediting, note: Invoice) -> list[str]:
    """Where our ledger and the provider's differ, to the cent."""
    state, account = await made.credits(), made.account
    (credit,) = state.credits
    counts, unclear = credit.became == "credited", credit.became == "reserved"
    there = _gross(account.credited)
    left = state.left.sums.gross if state.left else None
    broken = {
        # What nobody knows the end of stays reserved, until a person has looked.
        f"here it was {credit.became}, there {there} was credited": not unclear
        and counts is not bool(there),
        f"the note is about {credit.sums.gross}, {there} was credited": counts
        and credit.sums.gross != there,
        f"the note states {note.amounts and note.amounts.gross}": note.amounts is None
        or note.amounts.gross != credit.sums.gross,
        f"{left} is left here, {_gross(account.left)} there": left
        not in (_gross(account.left), _gross(account.left) - unclear * credit.sums.gross),
        "its number is not known": counts and not (note.number or not made.shop.kind.numbers),
    }
    return [what for what, holds in broken.items() if holds]


def _gross(rates: Rates) -> Decimal:
    return sum((taxed.gross for taxed in rates.values()), NOTHING)
