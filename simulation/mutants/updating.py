"""Drafts that are updated where they stand, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

CORRECTING = "workflows/invoice/correcting.py"
DOUBT = "invoicing/state/doubt.py"

MUTANTS = (
    Mutant(
        "an update whose answer was lost counts as done",
        CORRECTING,
        "        life.unknown_calls.begin(UPDATE)\n",
        "        life.unknown_calls.begin(UPDATE)\n        life.case.outdated = False\n",
    ),
    Mutant(
        "a corrected draft is taken for one that is up to date",
        "invoicing/state/case.py",
        "        self.outdated = True\n",
        "",
    ),
    Mutant(
        "a draft is updated while another content may come late",
        DOUBT,
        "            or (one.verb == UPDATE and one.content == content)\n",
        "            or one.verb == UPDATE\n",
    ),
    Mutant(
        "a draft is updated while its approval may come late",
        DOUBT,
        "            one.verb == CREATE\n            or (one.verb == UPDATE",
        '            one.verb in (CREATE, "approve")\n            or (one.verb == UPDATE',
    ),
    Mutant(
        "a draft is updated soon after a refusal",
        DOUBT,
        "return not declined and all(",
        "return all(",
    ),
    Mutant(
        "a draft is updated unseen",
        CORRECTING,
        "plain = await view(life) is Stage.DRAFTED",
        "plain = True",
    ),
    Mutant(
        "what has become final in its update counts as updated",
        CORRECTING,
        "        if case.stage is Stage.DRAFTED:\n            case.outdated = False\n",
        "        if case.stage:\n            case.outdated = False\n",
    ),
    Mutant(
        "a draft is updated though something in it cannot be",
        CORRECTING,
        "made.fixed != case.made or made.attachments",
        "made.attachments",
    ),
    Mutant(
        "a draft is updated with the documents of before",
        CORRECTING,
        "or plan.attachments or life.cannot_look",
        "or life.cannot_look",
    ),
    Mutant(
        "a draft is updated though nobody can look",
        CORRECTING,
        "or plan.attachments or life.cannot_look",
        "or plan.attachments",
    ),
    Mutant(
        "a successor takes the draft that the register names, whatever its content",
        "workflows/invoice/claiming.py",
        "case.correcting = not is_of and (case.corrected or not case.was_final)",
        "case.correcting = False",
    ),
    Mutant(
        "a successor goes by the row alone whether it was corrected",
        "workflows/invoice/claiming.py",
        "not case.corrected and (left.corrected or len(claimed.contents) > 1)",
        "not case.corrected and left.corrected",
    ),
    Mutant(
        "an adopted draft is updated where it stands",
        "workflows/invoice/searching.py",
        "found_one().denied(CREATE, workflow.now(), others)\n",
        "found_one().denied(CREATE, workflow.now(), others)\n    case.made = life.plan.fixed\n",
    ),
)
