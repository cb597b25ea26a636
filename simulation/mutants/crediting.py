"""Credits, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

LIFE = "workflows/invoice/life.py"
INHERITANCE = "workflows/invoice/inheritance.py"
BACK = "workflows/invoice/taking_back.py"
CREDIT = "invoicing/credits/credit.py"
PORTION = "invoicing/credits/portion.py"
CREDIT_CASE = "invoicing/credits/case.py"
LEARNING = "workflows/credit/learning.py"
NOTE = "workflows/credit/note.py"
CREDITS = "workflows/credit/story.py"

MUTANTS = (
    Mutant(
        "more units are credited than were invoiced",
        PORTION,
        "    if quantity is not None and quantity > left:\n",
        "    if False:\n",
    ),
    Mutant(
        "more is credited at a rate than was invoiced",
        PORTION,
        "        self._refuse_too_much(takes)\n",
        "",
    ),
    Mutant(
        "a credit may leave VAT that no document can state",
        PORTION,
        "                stated = over.nearest(amount)\n",
        "                stated = amount\n",
    ),
    Mutant(
        "a credit that comes to nothing keeps what it reserved",
        CREDIT,
        "        return self._moved(held.portion, 1, others)\n",
        "        return self\n",
    ),
    Mutant(
        "what is credited for good is given back",
        CREDIT,
        '        credited = Held(status="credited", sums=held.sums)\n',
        "        credited = held\n",
    ),
    Mutant(
        "nobody tells the invoice that parts of it are credited",
        LEARNING,
        "        if not running or invoice.invoice.in_parts:\n",
        "        if invoice is not None:\n",
    ),
    Mutant(
        "a cancel credits the whole of what is credited in parts",
        BACK,
        "and life.request.may_credit and not life.case.in_parts\n",
        "and life.request.may_credit\n",
    ),
    Mutant(
        "an invoice under cancel lets itself be credited in parts",
        LIFE,
        "if self.state.final and self.case.cancel is None and not self.case.in_parts:",
        "if self.state.final and not self.case.in_parts:",
    ),
    Mutant(
        "a successor forgets that parts are credited",
        INHERITANCE,
        "    case.in_parts |= earlier.in_parts\n",
        "",
    ),
    Mutant(
        "the same credit again is another one",
        "workflows/credit/workflow.py",
        "        if wanted.credit not in self._life.case.known:\n",
        "        if wanted is not None:\n",
    ),
    Mutant(
        "a credit note is begun beside an earlier one",
        NOTE,
        "    if name not in life.case.begun and not life.case.states[name].ended:\n",
        "    if name is not None:\n",
    ),
    Mutant(
        "an abandoned credit note gives back what it may credit",
        CREDIT_CASE,
        "        elif note.ended and fate(note) is not None:\n",
        "        elif note.ended:\n",
    ),
    Mutant(
        "a draft under a word that nobody knows is told as nothing",
        "invoicing/state/case.py",
        "            stage=self.seen_stage,\n",
        "            stage=self.stage,\n",
    ),
    Mutant(
        "a ledger that goes on follows only what is not final",
        CREDITS,
        "dict.fromkeys((*life.case.under_way, *life.case.begun))",
        "tuple(life.case.under_way)",
    ),
    Mutant(
        "the ledger of an invoice goes on with another one",
        LEARNING,
        "    if not stands:\n",
        "    if known is None:\n",
    ),
)
