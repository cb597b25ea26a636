"""What a workflow tells the people who run the service: counters, and a log line per new status.

Both are silent in a replay and add nothing to the history.
"""

from __future__ import annotations

import logging
from typing import Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.state.invoice import Invoice
    from invoicing.state.order import Order

log = workflow.LoggerAdapter(logging.getLogger("invoicing.workflow"), None)
log.workflow_info_on_message = False


def tell_status(kind: Literal["invoice", "order"], before: object, state: Invoice | Order) -> None:
    """One line for a status that has just changed; nothing of it but the reference is a person's.

    Where somebody is asked it says the reason, never the sentence: that may quote the provider.
    """
    reason = str(state.problem.reason) if state.problem else ""
    told = {
        "kind": kind,
        "reference": state.reference,
        "provider": state.provider,
        "account": state.account,
        "before": str(before or ""),
        "status": str(state.status),
        "reason": reason,
    }
    asked = f" ({reason})" if reason else ""
    log.info("%s %s: %s → %s%s", kind, state.reference, before, state.status, asked, extra=told)


Settled = Literal["found", "absent", "repeated", "asked"]
"""How an unknown outcome became known: it had happened; it had not; it was safe to make again
without a look; a person was asked.
"""


class UnknownCalls:
    """Counts one invoice's calls whose outcome is unknown, and how each was settled. For metrics
    only: what decides is `Doubt`.

    At most one is open at a time. One that is open when the workflow continues as new, or when the
    invoice is cancelled before anybody looked, is never counted as settled.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._verb = ""

    def begin(self, verb: str) -> None:
        """Nobody knows whether this call took effect."""
        self._verb = verb
        count("invoicing_unknown_outcomes", provider=self._provider, verb=verb)

    def end(self, how: Settled) -> None:
        """It is known now; nothing happens where nothing was open."""
        if self._verb:
            verb, self._verb = self._verb, ""
            count("invoicing_outcomes_settled", provider=self._provider, verb=verb, how=how)


def count(name: str, **labels: str) -> None:
    """One more of these."""
    workflow.metric_meter().create_counter(name, _MEANINGS[name]).add(1, labels)


_MEANINGS = {
    "invoicing_unknown_outcomes": "Calls of which nobody knew whether they took effect",
    "invoicing_outcomes_settled": "Unknown outcomes that became known, by how",
    "invoicing_not_renewed": "Runs that are too large to continue as new, and go on as they are",
    "invoicing_notices_dropped": "Notices that a subscriber was not told",
}
