"""Two people, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

ASKING = "workflows/kit/asking.py"
LIFE = "workflows/invoice/life.py"
INSTRUCTIONS = "workflows/invoice/instructions.py"
CONSENT = "invoicing/consent.py"
CONSENTING = "workflows/invoice/consenting.py"
NOTE = "workflows/credit/note.py"

MUTANTS = (
    Mutant(
        "who has proven nothing is the first of two",
        CONSENTING,
        "    if not said.proven:\n        raise refused(\n",
        "    if False:\n        raise refused(\n",
    ),
    Mutant(
        "the first of two is enough",
        CONSENTING,
        "    if _seconds(life, said, digest):\n",
        "    if said.proven:\n",
    ),
    Mutant(
        "who asked for it is one of the two who release it",
        CONSENTING,
        "and said.proven == life.case.asked_by:\n",
        "and not said.proven:\n",
    ),
    Mutant(
        "the second of two may want something else",
        CONSENTING,
        "        each.digest == digest and each.proven != said.proven for",
        "        each.proven != said.proven for",
    ),
    Mutant(
        "what two must release is not held",
        CONSENTING,
        "            life.case.hold = BY_THE_RULE\n",
        "            pass\n",
    ),
    Mutant(
        "a consent outlives the document that it was given to",
        CONSENTING,
        "    life.case.consents = ()\n    life.case.rule",
        "    life.case.rule",
    ),
    Mutant(
        "a cancel before the rule is known is carried out by one",
        "workflows/invoice/planning.py",
        "    stand_by_the_rule(life)\n",
        "",
    ),
    Mutant(
        "a correction before the rule is known needs nobody else",
        CONSENTING,
        "        _note_correction(life, meant)\n",
        "",
    ),
    Mutant(
        "who corrected it early releases it alone",
        CONSENTING,
        "    if kind == Answer.CORRECT and alone and alone.proven:\n",
        "    if False:\n",
    ),
    Mutant(
        "a large one is made small by one person before the rule is known",
        CONSENTING,
        "(life.request.document, corrected(life.request, said).document):",
        "(corrected(life.request, said).document,):",
    ),
    Mutant(
        "an early cancel counts as one of two people",
        INSTRUCTIONS,
        "cancel_agreed = self._life.case.rule is not None",
        "cancel_agreed = True",
    ),
    Mutant(
        "a hold keeps what was consented to before it",
        INSTRUCTIONS,
        "        self._life.case.consents = kept\n",
        "",
    ),
    Mutant(
        "Temporal's own cancel takes back what needs two",
        LIFE,
        "            if kind := self.cancel_needs(said):\n",
        '            if kind := "":\n',
    ),
    Mutant(
        "what is adopted is worth what was asked for",
        CONSENTING,
        "        gross = None\n",
        "        pass\n",
    ),
    Mutant(
        "a correction to a large amount needs one",
        CONSENTING,
        "    if said.answer is Answer.CORRECT:\n        document =",
        "    if False:\n        document =",
    ),
    Mutant(
        "a cancel that may come to a credit needs one",
        CONSENTING,
        "[CANCEL, CREDIT] if _may_be_there(life) else [CANCEL]",
        "[CANCEL]",
    ),
    Mutant(
        "a release by answer is another thing than a release",
        CONSENTING,
        "    if isinstance(said, Resolve) and said.answer is Answer.RELEASE:\n",
        "    if False:\n",
    ),
    Mutant(
        "a consent outlives its question",
        ASKING,
        "        kept = tuple(each for each in self._memory.consents if not each.question)\n",
        "        kept = self._memory.consents\n",
    ),
    Mutant(
        "in a currency that the rule does not name one is enough",
        CONSENT,
        "return gross is None or most is None or abs(gross) > most",
        "return gross is None or (most is not None and abs(gross) > most)",
    ),
    Mutant(
        "nobody knows who asked for a credit note",
        NOTE,
        "_request(life, name), life.case.under_way[name].proven,",
        '_request(life, name), "",',
    ),
)
