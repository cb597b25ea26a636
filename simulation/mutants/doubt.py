"""What may be at the provider: the value of doubt, damaged."""

from __future__ import annotations

from simulation.mutants.mutant import Mutant

DOUBT = "invoicing/state/doubt.py"
LIFE = "workflows/invoice/life.py"
INHERITANCE = "workflows/invoice/inheritance.py"

MUTANTS = (
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
)
