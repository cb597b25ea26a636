"""Amendments, damaged; and what two people say in one moment."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

STORY = "workflows/amend/story.py"
AMEND = "invoicing/credits/amend.py"

MUTANTS = (
    Mutant(
        "the new invoice is asked for before the credit is final",
        STORY,
        '    if ours is None or ours.became == "reserved" or under_way(known):\n',
        "    if ours is None:\n",
    ),
    Mutant(
        "a credit that nobody has seen counts as one that was",
        STORY,
        "    if is_unseen(ours) and not case.unseen:\n",
        "    if False:\n",
    ),
    Mutant(
        "a new invoice that was taken back before it was final counts as made",
        STORY,
        "    if (new.final and (new.number or new.ended)) or ",
        "    if new.number or new.ended or ",
    ),
    Mutant(
        "a new invoice that was credited since counts as not made",
        STORY,
        " or (new.credited_whole and new.number):\n",
        ":\n",
    ),
    Mutant(
        "an amendment that is begun again knows nothing of what it has done",
        AMEND,
        "    if kept.left_nothing:\n",
        "    if kept is not None:\n",
    ),
    Mutant(
        "a hold that comes together with a release is dropped",
        "workflows/invoice/acting.py",
        "        # The hold itself ended the moment this was said: one that is there now came later.\n",
        "        case.hold = None\n",
    ),
)
