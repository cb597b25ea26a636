"""One happy life of an invoice, its provider made of a few answers; and how fast it is lived:

python -m tests.simulation.invoice_life [--strict] [--faults]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from invoicing.document import Document, Line, Party, Vat
from invoicing.provider import Echo, Figure, Plan, Search, Snapshot, Stage
from invoicing.request import InvoiceRequest
from invoicing.state.case import InvoiceInput
from invoicing.state.identity import WORKFLOW, workflow_id
from invoicing.totals import totals as computed
from simulation.engine import ActivityCall, Attempt, Faults, Run, Server
from worker import STORIES

REFERENCE = "R-1"


def request(**changes: Any) -> InvoiceRequest:
    """One line of 100.00 at 21 %."""
    line = Line(
        id="1", name="Work", quantity=Decimal(1), unit_price=Decimal(100), vat=Vat(rate=Decimal(21))
    )
    document = Document(
        currency="EUR",
        issue_date=date(2026, 3, 1),
        due_date=date(2026, 4, 1),
        buyer=Party(name="Canary Energy BV", account_number="K-1001"),
        lines=(line,),
    )
    fields = {"reference": REFERENCE, "provider": "example", "document": document, **changes}
    return InvoiceRequest(**fields)


class Provider:
    """Does what it is told; an approval and a sending take one more look each."""

    def __init__(self) -> None:
        self.stage = Stage.NONE
        self.creates = 0

    def join(self, server: Server) -> None:
        """Play every activity of a happy life."""
        verbs: dict[str, Callable[[], Any]] = {
            "plan": self._plan,
            "find": lambda: Search(invoices=(self._snapshot(),) if self.creates else ()),
            "create": self._create,
            "read": self._read,
            "approve": lambda: self._become(Stage.APPROVING),
            "send": lambda: self._become(Stage.SENDING),
        }
        for name, act in verbs.items():
            server.activity(name, self._played(act))

    def _played(self, act: Callable[[], Any]) -> Callable[[Any, ActivityCall], Attempt]:
        return lambda argument, call: Attempt(result=act())

    def _plan(self) -> Plan:
        totals = computed(request().document, "line")
        return Plan(totals=totals, echoes=(Figure.GROSS,), find_first=False)

    def _create(self) -> Snapshot:
        self.creates += 1
        return self._become(Stage.DRAFTED)

    def _read(self) -> Snapshot:
        further = {Stage.APPROVING: Stage.APPROVED, Stage.SENDING: Stage.SENT}
        return self._become(further.get(self.stage, self.stage))

    def _become(self, stage: Stage) -> Snapshot:
        self.stage = stage
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        final = self.stage.reached(Stage.APPROVED)
        return Snapshot(
            provider_id="P-1",
            stage=self.stage,
            status=str(self.stage),
            number="2026-1" if final else None,
            echo=Echo(currency="EUR", gross=Decimal("121.00")),
            reference=REFERENCE,
        )


def live(seed: int, faults: Faults = Faults(), *, strict: bool = False) -> tuple[Server, Run]:  # noqa: B008
    """From the request to its end."""
    server = Server(random.Random(seed), STORIES, faults=faults, strict=strict)
    Provider().join(server)
    wanted = request()
    fields = {name: getattr(wanted, name) for name in type(wanted).model_fields}
    start = InvoiceInput(**fields)
    identity = workflow_id(REFERENCE)
    server.start(WORKFLOW, start, id=identity)

    def last() -> Run:
        return server.runs(identity)[-1]

    over = {"completed", "failed", "canceled", "terminated"}
    server.run_until(lambda: last().status in over, at_most=server.now + timedelta(days=200))
    return server, last()


def main() -> None:
    """Say how many lives a second, and where the time goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--lives", type=int, default=300)
    chosen = parser.parse_args()
    faults = Faults.usual() if chosen.faults else Faults()
    live(0, faults, strict=chosen.strict)
    began = time.process_time()
    activations = 0
    for seed in range(chosen.lives):
        server, run = live(seed, faults, strict=chosen.strict)
        activations += server.counters.activations
        assert not server.violations, server.violations
    took = time.process_time() - began
    print(f"{chosen.lives / took:.0f} lives and {activations / took:.0f} activations a second")
    print(run, run.history)
    profile = cProfile.Profile()
    profile.enable()
    for seed in range(chosen.lives):
        live(seed, faults, strict=chosen.strict)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
