"""The register, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

CLAIMING = "workflows/invoice/claiming.py"
CLAIMS = "invoicing/books/claims.py"
RECORDER = "workflows/kit/recorder.py"

MUTANTS = (
    Mutant(
        "a cancel before the plan does not ask what the reference stands for",
        CLAIMING,
        "    if not life.case.claimed and await _claims(life):\n",
        "    if life.case.plan and not life.case.claimed and await _claims(life):\n",
    ),
    Mutant(
        "a lost create of a life that was cut off while it looked is looked for no more",
        CLAIMING,
        "        _go_on_looking(life, claimed, left)\n",
        "",
    ),
    Mutant(
        "a reference is not claimed",
        CLAIMING,
        "if life.plan.claims and life.case.claimed != life.content:",
        "if not life.plan.claims and life.case.claimed != life.content:",
    ),
    Mutant(
        "what an earlier life may have made is not in doubt",
        CLAIMING,
        "    inherit(case, earlier)\n",
        "",
    ),
    Mutant(
        "what has ended is gone on with",
        CLAIMS,
        "return Word.REFUSED if differs else Word.KNOWN\n    if _left_nothing",
        "return Word.REFUSED if differs else Word.BEGINS_AGAIN\n    if _left_nothing",
    ),
    Mutant(
        "lines are given up when a record fails",
        RECORDER,
        "        except ActivityError:\n            return False",
        "        except ActivityError:\n            memory.were_recorded(lines, ours=True)\n            return True",
    ),
    Mutant(
        "lines are given up that a register did not take at once",
        RECORDER,
        "            self._promptly = False\n        return await",
        "            return True\n        return await",
    ),
)
