"""What comes after the goal, damaged: money, and the document of an invoice."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

MONEY = "workflows/money.py"
HEARING = "workflows/invoice/hearing.py"
DOCUMENT = "workflows/document.py"
EVENT = "workflows/event.py"
CASE = "invoicing/state/case.py"
LIFE = "workflows/invoice/life.py"
BALANCE = "invoicing/balance.py"

MUTANTS = (
    Mutant(
        "what was left before a credit note is taken for one of now",
        LIFE,
        '                case.money = case.money.model_copy(update={"left": None})\n',
        "                pass\n",
    ),
    Mutant(
        "a credit note brings no look at the money",
        LIFE,
        "        case.credits, case.look_soon = told, True\n",
        "        case.credits = told\n",
    ),
    Mutant(
        "what a credit note takes is a payment until it is told of",
        BALANCE,
        "credited == 0 and not lowered:",
        "credited == 0:",
    ),
    Mutant(
        "what a credit note under way has left nothing of is paid",
        CASE,
        "        if self.credits.all or (self.credits.under_way and not self._came_in):\n",
        "        if self.credits.all:\n",
    ),
    Mutant(
        "a credit note begins before its invoice knows of it",
        "workflows/credit/story.py",
        "        # Before its note can be final: what is left there may be less by it then.\n"
        "        await tell(life)\n",
        "",
    ),
    Mutant(
        "what is told of credits while an invoice ends is not handed on",
        HEARING,
        '                await hearing.signal("credited_so_far", credited)\n',
        "                pass\n",
    ),
    Mutant(
        "a draft that is shown for it says what was paid",
        MONEY,
        "    if _tells(snapshot.stage):\n        learn",
        "    if snapshot:\n        learn",
    ),
    Mutant(
        "news that come while its money is looked at are dropped",
        MONEY,
        "        return None\n    case.inbox = tuple(event for event in case.inbox if event not in given)\n",
        "        return None\n    case.inbox = ()\n",
    ),
    Mutant(
        "a new stage begins the time anew for which money is heard of",
        MONEY,
        "    life.waits.waiting = waiting\n",
        "",
    ),
    Mutant(
        "what hears of money asks a provider that is away without an end",
        MONEY,
        "problem.kind in _LASTING or now >= soon or now + pause >= end",
        "problem.kind in _LASTING or now + pause >= end",
    ),
    Mutant(
        "a look for money that failed brings one after the other",
        MONEY,
        "            return frozenset(event.id for event in life.case.inbox)\n",
        "            return frozenset()\n",
    ),
    Mutant(
        "what hears of money leaves its last lines behind",
        MONEY,
        "        await life.recorder.emptied()\n",
        "",
    ),
    Mutant(
        "news that come while an invoice ends are not handed on",
        HEARING,
        '                await hearing.signal("provider_event", event)\n',
        "                pass\n",
    ),
    Mutant(
        "nobody hears of the money of what was credited after it was paid",
        HEARING,
        "(outcome is Status.CREDITED and bool(balance.paid))",
        "(outcome is Status.CREDITED and balance is None)",
    ),
    Mutant(
        "what was credited after its end is paid for ever",
        CASE,
        "            credited = self.stage is Stage.CREDITED or self.credits.all\n",
        "            credited = self.credits.all\n",
    ),
    Mutant(
        "what went back is forgotten where only the sum of what was paid is stated",
        CASE,
        "        self.most_paid = max(self.most_paid, balance.paid)\n",
        "        self.most_paid = balance.paid\n",
    ),
    Mutant(
        "what is too much is said to be left",
        BALANCE,
        "            too_much=None if rest is None else max(-rest, _ZERO),\n",
        "            too_much=None if rest is None else _ZERO,\n",
    ),
    Mutant(
        "money that went back is no reason for another balance",
        BALANCE,
        "figures = (self.paid, *back, self.left, self.too_much)",
        "figures = (self.left, self.too_much)",
    ),
    Mutant(
        "notices of late money go by a poster of their own",
        "workflows/kit/outbox.py",
        "    if identity.startswith(MONEY_PREFIX):\n",
        "    if not identity.startswith(MONEY_PREFIX) and not identity:\n",
    ),
    Mutant(
        "news of a document go to an invoice that reads no more, alone",
        EVENT,
        "        told = dict.fromkeys([*running, *fetching])\n",
        "        told = dict.fromkeys(running or fetching)\n",
    ),
    Mutant(
        "a document that is not there yet is given up",
        DOCUMENT,
        "            final = cause.type in _FINAL\n",
        "            final = bool(cause.type)\n",
    ),
    Mutant(
        "a document that cannot be had is asked for all the same",
        DOCUMENT,
        '_FINAL = ("Rejected", "Unsupported")\n',
        '_FINAL = ("Rejected",)\n',
    ),
    Mutant(
        "the news of a document are forgotten",
        DOCUMENT,
        "        self._events = (*self._events, event)[-MOST_EVENTS:]\n",
        "",
    ),
    Mutant(
        "a document is waited for without an end",
        DOCUMENT,
        "        if workflow.now() >= until:\n",
        "        if workflow.now() > until + timedelta(days=1):\n",
    ),
    Mutant(
        "whoever asked for a document too early waits for hours",
        "workflows/invoice/filing.py",
        "        await _look_again(document_id(life.request.reference))\n",
        "",
    ),
    Mutant(
        "nobody asks for the document of what is made anew",
        CASE,
        '    *("document_asked", "outdated", "made", "credits"),\n',
        '    *("outdated", "made", "credits"),\n',
    ),
)
