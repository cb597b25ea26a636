"""The damages. Each takes one guard away, or turns one transition round.

`old` must stand exactly once in its file: a mutant that no longer fits is an error, not a pass.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One damage: what is lost with it, and where."""

    name: str
    file: str
    old: str
    new: str


DOUBT = "invoicing/doubt.py"
CASE = "invoicing/case.py"
ORDER = "invoicing/order.py"
BOUNDS = "invoicing/bounds.py"
ASKING = "workflows/kit/asking.py"
CALLS = "workflows/kit/calls.py"
LIFETIME = "workflows/kit/lifetime.py"
LIFE = "workflows/invoice/life.py"
INHERITANCE = "workflows/invoice/inheritance.py"
ACTING = "workflows/invoice/acting.py"
APPROVAL = "workflows/invoice/approval.py"
DRAFT = "workflows/invoice/draft.py"
SEARCHING = "workflows/invoice/searching.py"
LOOKING = "workflows/invoice/looking.py"
SENDING = "workflows/invoice/sending.py"
BACK = "workflows/invoice/taking_back.py"
CLAIMING = "workflows/invoice/claiming.py"
CLAIMS = "invoicing/claims.py"
RECORDER = "workflows/kit/recorder.py"
CLOSING = "workflows/invoice/closing.py"
INSTRUCTIONS = "workflows/invoice/instructions.py"
EVENT = "workflows/event.py"
CONSENT = "invoicing/consent.py"
CONSENTING = "workflows/invoice/consenting.py"
CREDIT = "invoicing/credit.py"
PORTION = "invoicing/credit_portion.py"
CREDIT_CASE = "invoicing/credit_case.py"
LEARNING = "workflows/credit/learning.py"
NOTE = "workflows/credit/note.py"
CREDITS = "workflows/credit/story.py"

MUTANTS: tuple[Mutant, ...] = (
    # The value
    Mutant(
        "a lost call is forgotten",
        DOUBT,
        "return _ended(self, verb, at, Fate.UNKNOWN)",
        "return self.answered(verb)",
    ),
    Mutant(
        "a refusal is taken on trust",
        DOUBT,
        "return _ended(self, verb, at, Fate.REFUSED)",
        "return self.answered(verb)",
    ),
    Mutant(
        "an answer clears up earlier calls as well",
        DOUBT,
        "return _without(self, lambda one: one.verb == verb and one.fate is Fate.ASKED)",
        "return _without(self, lambda one: one.verb == verb)",
    ),
    Mutant(
        "an incomplete search counts as complete",
        DOUBT,
        "searched = Searched(at=at, complete=complete, found=tuple(shown))",
        "searched = Searched(at=at, complete=True, found=tuple(shown))",
    ),
    Mutant(
        "a search need not show our own",
        DOUBT,
        "return own is None or own in found.found",
        "return True",
    ),
    Mutant(
        "a search never grows old",
        DOUBT,
        "if found is None or not found.complete or now - found.at > within:",
        "if found is None or not found.complete:",
    ),
    Mutant(
        "others that a search shows do not count",
        DOUBT,
        "        if self.others(own):\n            return False\n",
        "",
    ),
    Mutant(
        "absence is proven by an old search",
        DOUBT,
        "seen = found is not None and found.at == now and found.complete",
        "seen = found is not None and found.complete",
    ),
    Mutant(
        "absence is proven by an incomplete search",
        DOUBT,
        "seen = found is not None and found.at == now and found.complete",
        "seen = found is not None and found.at == now",
    ),
    Mutant(
        "old content is taken for new",
        DOUBT,
        "return all(one.content == content for one in self.calls if one.verb == CREATE)",
        "return True",
    ),
    Mutant(
        "a call can take effect for no longer than a moment",
        DOUBT,
        "        ends = (\n            one.at + self.effect\n",
        "        ends = (\n            one.at\n",
    ),
    Mutant(
        "a create is cleared up by a search before its time is over",
        DOUBT,
        "lambda one: one.verb == CREATE and one.at + self.effect < at)",
        "lambda one: one.verb == CREATE)",
    ),
    Mutant(
        "a person's word holds for later calls, too",
        DOUBT,
        "return call.denied is not None and call.denied >= call.at",
        "return call.denied is not None",
    ),
    Mutant(
        "what was seen stays fresh",
        DOUBT,
        "return self.looked == now",
        "return self.looked is not None",
    ),
    Mutant(
        "one that is found clears up all creates",
        DOUBT,
        "return self.saw(CREATE) if certain and len(creates) == 1 else self",
        "return self.saw(CREATE)",
    ),
    Mutant(
        "a successor inherits nothing",
        INHERITANCE,
        "    case.doubt = Doubt.begun_again(earlier.ended, earlier.contents)\n",
        "",
    ),
    Mutant(
        "a successor is not held though its earlier life was",
        INHERITANCE,
        "    elif earlier.held:\n",
        "    elif earlier.held and False:\n",
    ),
    Mutant(
        "a successor sends what a person had corrected as it was before",
        INHERITANCE,
        "    if earlier.corrected:\n",
        "    if earlier.corrected and False:\n",
    ),
    Mutant(
        "a successor goes on though its earlier life was being taken back",
        INHERITANCE,
        "    if earlier.cancelled and case.cancel is None:\n",
        "    if earlier.cancelled and case.cancel is None and False:\n",
    ),
    Mutant(
        "a new run inherits nothing",
        LIFE,
        "self.case = start.resumed or begun(start)",
        "self.case = start.resumed or begun(start)\n"
        "        self.case.doubt = type(self.case.doubt)()",
    ),
    # Looking and acting
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
    Mutant(
        "news that came during a look are not looked at",
        LOOKING,
        "return life.case.doubt.fresh(workflow.now()) and not life.case.inbox",
        "return life.case.doubt.fresh(workflow.now())",
    ),
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
        "            if not await _deleted(life, one):\n                _adopt_next(life, one)\n",
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
        "        if self._life.case.outcome:\n",
        "        if False:\n",
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
    # Orders, events
    Mutant(
        "a line can be taken twice",
        ORDER,
        "    if line.status is LineStatus.OPEN:\n        return None\n",
        "    if line.status is not LineStatus.CANCELLED:\n        return None\n",
    ),
    Mutant(
        "a release opens what is invoiced",
        ORDER,
        "return self._changed(_reserved_by(holder), status=LineStatus.OPEN, holder=None)",
        "return self._changed(lambda line: line.holder == holder, status=LineStatus.OPEN)",
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
        CASE,
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
        "invoicing/credit_document.py",
        "    if invoice.differs:\n",
        "    if False:\n",
    ),
    Mutant(
        "the ledger of an invoice goes on with another one",
        LEARNING,
        "    elif known.invoice.provider_id != invoice.invoice.provider_id:\n",
        "    elif False:\n",
    ),
    # The register
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
    # Two people
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
    # Credits
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
        "a ledger that goes on follows only what is not final",
        CREDITS,
        "dict.fromkeys((*life.case.under_way, *life.case.begun))",
        "tuple(life.case.under_way)",
    ),
)
