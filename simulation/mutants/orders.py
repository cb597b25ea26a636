"""Orders and events, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

MEMORY = "invoicing/state/memory.py"
ORDER = "invoicing/state/order.py"
LEDGER = "invoicing/state/order_ledger.py"
APPROVAL = "workflows/invoice/approval.py"
EVENT = "workflows/event.py"

MUTANTS = (
    Mutant(
        "a line can be taken twice",
        LEDGER,
        "    return line.status is LineStatus.OPEN\n",
        "    return line.status is not LineStatus.CANCELLED\n",
    ),
    Mutant(
        "a release opens what is invoiced",
        LEDGER,
        "opened = self._changed(_reserved_by(holder), status=LineStatus.OPEN, holder=None)",
        "opened = self._changed(lambda line: line.holder == holder, status=LineStatus.OPEN)",
    ),
    Mutant(
        "a unit can be delivered twice",
        LEDGER,
        '"units": units - want, ',
        '"units": units, ',
    ),
    Mutant(
        "what is left of a line is forgotten with its first part",
        LEDGER,
        "            if want != units:\n",
        "            if not units:\n",
    ),
    Mutant(
        "the last part of a line does not take the rest",
        "invoicing/portions.py",
        "    return amount if units == of else priced(units, amount, of, currency)\n",
        "    return priced(units, amount, of + (units == of), currency)\n",
    ),
    Mutant(
        "a cancellation cancels units that are on their way",
        LEDGER,
        "return lambda line: line.holder == holder and line.status is LineStatus.RESERVED",
        "return lambda line: line.status is LineStatus.RESERVED",
    ),
    Mutant(
        "a delivery of a part invoices the whole line",
        ORDER,
        "    return part_of(line, units.copy_sign(line.quantity), amount, currency)\n",
        "    return line\n",
    ),
    Mutant(
        "a provider of whole lines is asked for parts",
        "workflows/order/life.py",
        "        if plan is None or not plan.whole_lines:\n",
        "        if plan is not None:\n",
    ),
    Mutant(
        "an abandoned draft frees its lines",
        ORDER,
        "    return None if there else LineStatus.OPEN\n",
        "    return LineStatus.OPEN\n",
    ),
    Mutant(
        "a delivery takes an earlier invoice for its own",
        "workflows/kit/children.py",
        "id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,",
        "id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,",
    ),
    Mutant(
        "the same event counts twice",
        MEMORY,
        "        if event.id in self.seen:\n            return False\n",
        "",
    ),
    Mutant(
        "an event that fits several goes to all of them",
        EVENT,
        "            if len(_families(found)) > 1:\n",
        "            if False:\n",
    ),
    Mutant(
        "figures that changed while it was approved are not looked at",
        APPROVAL,
        "    # Whoever changed it between our last look and our call is found out now.\n"
        "    await check(life)\n",
        "",
    ),
    Mutant(
        "what has other figures there is credited all the same",
        "invoicing/credits/document.py",
        "    if invoice.differs:\n",
        "    if False:\n",
    ),
)
