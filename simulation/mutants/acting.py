"""Looking before acting, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

ACTING = "workflows/invoice/acting.py"
APPROVAL = "workflows/invoice/approval.py"
DRAFT = "workflows/invoice/draft.py"
SEARCHING = "workflows/invoice/searching.py"
LOOKING = "workflows/invoice/looking.py"

MUTANTS = (
    Mutant(
        "no look before a create that may have happened",
        DRAFT,
        "if _must_look(life) and await find_and_adopt(life):",
        "if False and await find_and_adopt(life):",
    ),
    Mutant(
        "no search before an irreversible call",
        APPROVAL,
        "    await be_alone(life)\n    await check(life)\n    # Sending",
        "    await check(life)\n    # Sending",
    ),
    Mutant(
        "figures are not compared before an irreversible call",
        APPROVAL,
        "        wrong = differing(life)\n        if not wrong:\n",
        "        wrong = differing(life)\n        if True:\n",
    ),
    Mutant(
        "nobody asks whether what was seen still holds",
        ACTING,
        "return is_fresh(life) and life.case.doubt.alone(own, now, recent)",
        "return True",
    ),
    Mutant(
        "a hold stops nothing",
        ACTING,
        "    if case.hold is not None:\n        await _until_released(life)\n        return False\n",
        "",
    ),
    Mutant(
        "a cancel stops nothing at the last gate",
        ACTING,
        "    life.stop_if_cancelled()\n    case = life.case\n    if case.hold",
        "    case = life.case\n    if case.hold",
    ),
    Mutant(
        "its day is not waited for",
        ACTING,
        "if opens and opens > workflow.now() and not case.at_once:",
        "if False and opens and not case.at_once:",
    ),
    Mutant(
        "a lost sending is sent again at once",
        APPROVAL,
        'if verb == "send" and not await late_effects_are_over(life, verb):',
        'if verb == "send" and False:',
    ),
    Mutant(
        "a final create is made again at once",
        DRAFT,
        "    if not await late_effects_are_over(life, CREATE):\n        return False\n",
        "",
    ),
    Mutant(
        "where nobody can look, a lost call is made again unasked",
        ACTING,
        "if case.blind and case.doubt.unanswered(verb):",
        "if False and case.doubt.unanswered(verb):",
    ),
    Mutant(
        "an invoice that states another reference is ours",
        LOOKING,
        "return snapshot.reference not in (None, life.request.reference)",
        "return False",
    ),
    Mutant(
        "somebody else's draft is deleted as one too many",
        SEARCHING,
        "    if stray.reference != life.request.reference:\n",
        "    if False:\n",
    ),
    Mutant(
        "a stray is deleted unseen, final or not",
        SEARCHING,
        "if (stage := await _stage(life, target)) is not Stage.DRAFTED:",
        "if (stage := await _stage(life, target)) in NOT_THERE:",
    ),
    Mutant(
        "of several, the first is adopted",
        SEARCHING,
        "elif len(ours) == 1 and life.case.doubt.is_of(life.content):",
        "elif life.case.doubt.is_of(life.content):",
    ),
)
