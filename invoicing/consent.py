"""Two people for what is worth much: the rule of an account, and the first of the two.

Pure data. The worker's settings have the rule, the plan carries it, the workflow keeps it: see
docs/decisions/0021-two-people.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

from invoicing.model import Recorded
from invoicing.money import Number

RELEASE, CANCEL, CREDIT = "release", "cancel", "credit"

MOST_CONSENTS = 10
"""First consents of one invoice that wait for a second; one more is refused."""


class Consent(Recorded):
    """What needs two people at one account.

    `above` is the gross amount by currency up to which one person is enough; for a currency that is
    not named, one is never enough. `of` is the kinds of decision: `release`, `cancel`, `credit`,
    and the words of answers; empty: none.
    """

    above: Mapping[str, Number] = {}
    of: tuple[str, ...] = ()

    def wants(self, kind: str, currency: str, gross: Decimal | None) -> bool:
        """Whether two people must want this. `gross` is None where nobody knows it yet."""
        if kind not in self.of:
            return False
        most = self.above.get(currency)
        return gross is None or most is None or abs(gross) > most


class Consented(Recorded):
    """The first of two: who consented to what, and when. Another person's is missing.

    `digest` is of all that was wanted, so that the second cannot consent to something else;
    `question` is the one that it answers, if any.
    """

    kind: str
    digest: str
    proven: str
    by: str
    at: datetime
    question: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.proven}; another person's consent is missing"


class CorrectedAlone(Recorded):
    """A correction that was taken while nobody knew the account's rule, because no plan had been
    made yet: whose it is, when, and the most that the documents before and after it come to, gross
    by currency. None: it cannot be said."""

    proven: str
    by: str
    at: datetime
    gross: Mapping[str, Number | None]


def digest_of(kind: str, wanted: BaseModel) -> str:
    """A digest of what is wanted, whoever wants it and why."""
    said = wanted.model_dump_json(exclude={"by", "reason", "proven"})
    return hashlib.sha256(f"{kind} {said}".encode()).hexdigest()[:16]
