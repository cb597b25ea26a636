"""What all parts of one invoice's credits share: memory, questions, and what is shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio import workflow

from workflows.kit.asking import Asking
from workflows.kit.details import credits_markdown
from workflows.kit.endings import NobodyCame
from workflows.kit.lifetime import Renewal
from workflows.kit.listing import Listing
from workflows.kit.recorder import Recorder, ledger
from workflows.kit.waiting import Waits

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.case import Credits, CreditsCase, CreditsInput
    from invoicing.provider import Paces
    from invoicing.state import attributes
    from invoicing.state.invoice import Instruction, Resolve
    from invoicing.state.questions import Answer, Reason


class CreditsLife:
    """The workbench of one invoice's credits."""

    def __init__(self, start: CreditsInput) -> None:
        self.reference = start.reference
        self.case = start.resumed or CreditsCase()
        self.case.outcome = None
        self.renewal = Renewal(self.case, self.note)
        self.following: dict[str, asyncio.Task[None]] = {}
        self._verdicts: dict[str, asyncio.Future[str]] = {}
        self.seen: datetime | None = None
        """When this run looked at the invoice last."""
        self.told_in = ""
        """The run that was told what earlier ones have credited."""
        self.invoice_runs = True
        """Whether the invoice's own workflow ran then, or may have."""
        self.leaves = False
        """Whether Temporal's own Cancel has come, and nobody has looked at that yet."""
        self.busy = 0
        """How many calls and starts are under way that a new run would not see the end of."""
        self._listing = Listing()
        told = ledger(self.reference, lambda: self.case.recorded_as)
        self.recorder = Recorder(self.case, told, self.show)
        waits = Waits(self.case, lambda: None, lambda: False, self.show)
        self._asking = Asking(self.case, waits, self.note)
        self._one_at_a_time = asyncio.Lock()

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """While something is under way that must be seen to its end in this run."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    def verdict(self, name: str) -> asyncio.Future[str]:
        """What will be decided about a credit: why it is refused, or nothing."""
        if name not in self._verdicts:
            self._verdicts[name] = asyncio.get_running_loop().create_future()
        return self._verdicts[name]

    def decided(self, name: str, refusal: str = "") -> None:
        """Tell everybody who waits for it."""
        if verdict := self._verdicts.pop(name, None):
            verdict.set_result(refusal)

    @property
    def attention(self) -> timedelta:
        """How long a question stands before it is asked anew, for somebody to notice."""
        return Paces().attention

    async def ask(self, what: str) -> Resolve:
        """Wait for a person, however long."""
        async with self._one_at_a_time:
            while True:
                try:
                    said = await self._asking.ask(
                        Reason.CREDIT_UNCLEAR,
                        (Answer.INVOICED, Answer.FREE, Answer.ABANDON),
                        self.attention,
                        what=what,
                    )
                except NobodyCame:
                    said, self.case.asked = None, None
                # Not in a `finally`: where this instance is evicted, nothing can be shown.
                self.show()
                if said is not None:
                    return said

    @property
    def state(self) -> Credits:
        """What queries and updates answer."""
        return self.case.shown(self.reference)

    def note(self, what: str, said: Instruction | None = None) -> None:
        """Add to the journal what happened, and who wanted it; and have it recorded."""
        wanted = (said.by, said.reason, said.proven) if said else ()
        self.case.told = str(self.case.status)
        self.case.note(workflow.now(), what, *wanted, answers=isinstance(said, Resolve))
        self.recorder.go_on()

    def record(self) -> None:
        """There is a register: from now on what happens is written down there, what has happened
        so far first. Once: what was erased there is not told again."""
        if not self.case.recorded_as:
            self.case.recorded_as = workflow.info().first_execution_run_id
            self.recorder.begin()
            self.recorder.go_on()

    def show(self) -> None:
        """Bring lists and the Web UI up to date."""
        state = self.state
        invoice = self.case.invoice
        rows = (
            (attributes.REFERENCE, self.reference),
            (attributes.PROVIDER, invoice.request.provider if invoice else None),
            (attributes.STATUS, state.status.value),
            (attributes.NUMBER, state.number),
        )
        self._listing.show(rows, state.waiting, credits_markdown(state, self.case.refused))
