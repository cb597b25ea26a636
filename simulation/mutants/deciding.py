"""Cancels, ends, questions and bounds, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

BOUNDS = "invoicing/state/bounds.py"
ASKING = "workflows/kit/asking.py"
LIFETIME = "workflows/kit/lifetime.py"
LIFE = "workflows/invoice/life.py"
ACTING = "workflows/invoice/acting.py"
SEARCHING = "workflows/invoice/searching.py"
BACK = "workflows/invoice/taking_back.py"
CLOSING = "workflows/invoice/closing.py"
INSTRUCTIONS = "workflows/invoice/instructions.py"

MUTANTS = (
    # Cancel
    Mutant(
        "the engine's cancel is not written down when it arrives",
        LIFETIME,
        "            cancelled()\n",
        "            pass\n",
    ),
    Mutant(
        "a run continues as new with more than the next one can take",
        LIFETIME,
        "        if too_many := carried(start):\n",
        "        if (too_many := carried(start)) and False:\n",
    ),
    Mutant(
        "a run grows for as long as its server suggests nothing",
        LIFETIME,
        "        or info.get_current_history_length() >= HISTORY_EVENTS\n",
        "",
    ),
    Mutant(
        "a cancel is acknowledged while a lost call may reach the buyer",
        BACK,
        "return any(life.case.doubt.may_still(verb, workflow.now()) for verb in _reaching(life))",
        "return False",
    ),
    Mutant(
        "a cancel looks for nothing that was left",
        BACK,
        "if not doubt.unanswered(CREATE) and not doubt.others(life.case.provider_id):",
        "if True:",
    ),
    Mutant(
        "what a lost create left is not taken back with ours",
        SEARCHING,
        "            if not await _delete_stray(life, one):\n                _adopt_next(life, one)\n",
        "            if False:\n                _adopt_next(life, one)\n",
    ),
    Mutant(
        "cancelled is said while a final create may come",
        BACK,
        "if plan is None or plan.sent_by != CREATE:",
        "if True:",
    ),
    Mutant(
        "an uncertain call does not settle",
        ACTING,
        '        await workflow.sleep(life.paces.settle, summary="letting an uncertain call settle")',
        "        pass",
    ),
    # The end
    Mutant(
        "nobody looks back after the end",
        CLOSING,
        "    while _may_come(life):\n",
        "    while False:\n",
    ),
    Mutant(
        "what came late is left where it is",
        CLOSING,
        "            await remove(life, others_of(life, search), Reason.STRAY_FOUND)\n",
        "",
    ),
    # Questions
    Mutant(
        "an answer to another question is taken",
        ASKING,
        "    if answer.question != problem.question:\n",
        "    if False:\n",
    ),
    Mutant(
        "a word that is no answer here is taken",
        ASKING,
        "    if answer.answer not in problem.answers:\n",
        "    if False:\n",
    ),
    Mutant(
        "every question has the same identity",
        ASKING,
        '"question": f"q{memory.questions}"',
        '"question": "q1"',
    ),
    Mutant(
        "a second answer replaces the first",
        ASKING,
        "    if memory.resolution is not None:\n",
        "    if False:\n",
    ),
    Mutant(
        "what has ended can still be changed",
        INSTRUCTIONS,
        "        if ended := self._life.case.outcome or abandoned:\n",
        "        if ended := abandoned:\n",
    ),
    # Bounds
    Mutant(
        "an inbox has no bound",
        BOUNDS,
        "events = newest((*inbox, taken), INBOX_BYTES)",
        "events = (*inbox, taken)",
    ),
    Mutant(
        "names have no bound",
        BOUNDS,
        "        if size + more <= KEYS_BYTES:\n",
        "        if True:\n",
    ),
    Mutant(
        "a request may be of any size",
        BOUNDS,
        '    if size > most:\n        raise TooLarge(\n            f"{what}',
        '    if False:\n        raise TooLarge(\n            f"{what}',
    ),
    Mutant(
        "a long run never continues as new",
        LIFE,
        "        if self._may_renew():\n            self.renew()\n",
        "",
    ),
)
