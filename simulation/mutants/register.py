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
        "a successor goes on with the first request though a person had corrected it",
        CLAIMING,
        "    if first and _takes_on_correction(life, claimed):\n",
        "    if first and False and _takes_on_correction(life, claimed):\n",
    ),
    Mutant(
        "an older correction is taken for the last",
        CLAIMING,
        ' and (left is None or left.wanted in ("", last.content))',
        "",
    ),
    Mutant(
        "a draft that has what was corrected is taken for an older one",
        CLAIMING,
        "is_of = left.draft == life.content or case.doubt.is_of(life.content)",
        "is_of = case.doubt.is_of(life.content)",
    ),
    Mutant(
        "a successor does what a person went on without",
        CLAIMING,
        "case.keys, case.attached, case.without = left.keys, left.attached, left.without",
        "case.keys, case.attached = left.keys, left.attached",
    ),
    Mutant(
        "a successor does not know what a person said to be none of ours",
        CLAIMING,
        "case.doubt.planned(life.paces.effect).without(left.foreign)\n",
        "case.doubt.planned(life.paces.effect)\n",
    ),
    Mutant(
        "what has ended is taken for what a person corrected before that was known",
        CLAIMING,
        "        return known if other and known.content in claimed.contents else None\n",
        "        return None\n",
    ),
    Mutant(
        "the money of what has ended is heard of for longer than its life would have",
        "workflows/invoice/hearing.py",
        "        return known if known and _until(life, known) > workflow.now() else None\n",
        "        return known\n",
    ),
    Mutant(
        "the subscriber is told once more how it had ended",
        "workflows/invoice/hearing.py",
        "known.told, known.look_soon = news(known.shown(life.request)), True",
        "known.look_soon = True",
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
