"""The document of each invoice, judged by what the provider has made and what the store holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from invoicing.document_file import DocumentInput, DocumentState, document_key
from invoicing.state.identity import document_id
from invoicing.state.news import EventOutcome
from simulation.engine import Run, Server
from simulation.judge.sentences import Sentence
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.provider.papers import Papers, raw

Broken = Callable[[Sentence, str], None]
PATIENCE = DocumentInput(reference="any").patience
_SLACK = timedelta(hours=14)
"""Its longest pause, and what the engine takes for two calls."""


class PaperJudge:
    """Watches the documents of one life, at its end."""

    def __init__(
        self, server: Server, kind: Kind, ledger: Ledger, papers: Papers, broken: Broken
    ) -> None:
        self._server = server
        self._kind = kind
        self._ledger = ledger
        self._papers = papers
        self._broken = broken

    def end(self, alone: Callable[[str], bool]) -> None:
        """Everything has ended. `alone` says whether a reference had one life alone."""
        papers = self._papers
        for key, times in papers.kept.items():
            if times > 1:
                self._broken(Sentence.KEPT_ONCE, f"{key} was kept {times} times")
        again = sum(papers.fetched.values()) - len(papers.fetched)
        if again > papers.killed:
            what = f"fetched {again} times too often, and {papers.killed} workers were killed"
            self._broken(Sentence.KEPT_ONCE, what)
        for reference in dict.fromkeys(held.reference for held in self._ledger.invoices.values()):
            runs = self._server.runs(document_id(reference))
            if runs and runs[-1].status == "completed":
                self._of(reference, runs[-1], alone=alone(reference))
            elif not runs and self._kind.papers != "none" and self._kind.keeps:
                self._never_asked(reference, alone=alone(reference))

    def _never_asked(self, reference: str, *, alone: bool) -> None:
        runs = self._server.runs(f"invoice/{reference}")
        if alone and runs and runs[-1].status == "completed" and runs[-1].result.final:
            self._broken(Sentence.PAPER_KEPT, f"{reference}: nobody asked for its document")

    def _of(self, reference: str, run: Run, *, alone: bool) -> None:
        state: DocumentState = run.result
        ended = run.closed_at or self._server.now
        if ended > run.started_at + PATIENCE + _SLACK:
            self._broken(Sentence.ENDS, f"{run.id}: began {run.started_at}, ended {ended}")
        if state.file is not None:
            self._is_that(reference, state)
        elif alone and self._is_to_be_had(reference, run):
            self._broken(Sentence.PAPER_KEPT, f"{reference}: {state.problem or state.waiting}")

    def _is_that(self, reference: str, state: DocumentState) -> None:
        """The bytes that are kept are the provider's, and what is said of them is so."""
        held = self._papers.of(state.provider_id, reference)
        kept = self._papers.files.get(document_key(reference, state.provider_id))
        if held is None or kept is None or state.file is None:
            self._broken(Sentence.PAPER_KEPT, f"{reference}: {state.provider_id} is not kept")
            return
        digest = hashlib.sha256(kept[0]).hexdigest()
        if kept[0] != raw(held) or (state.file.sha256, state.file.size) != (digest, len(kept[0])):
            self._broken(Sentence.PAPER_KEPT, f"{reference}: what is kept is not what was made")

    def _is_to_be_had(self, reference: str, run: Run) -> bool:
        """Whether somebody who looked for as long as is said could have had it."""
        kind = self._kind
        if kind.papers not in ("looked", "told") or not kind.keeps:
            return False
        final = [held for held in self._ledger.of(reference) if held.number]
        since = final[0].when("approved") if len(final) == 1 else None
        if since is None or not self._stood(final[0], run):
            return False
        ready = since + kind.papers_after
        if kind.papers == "told":
            heard = self._heard(reference)
            if heard is None:
                return False
            ready = max(ready, heard)
        # Who asked too early is told so, and may ask again.
        early = run.started_at < since
        return not early and ready + self._papers.longest_away + _SLACK < run.started_at + PATIENCE

    def _stood(self, held: Held, run: Run) -> bool:
        """Whether it was there, as our own workflow knew it."""
        last = self._server.runs(f"invoice/{held.reference}")[-1]
        known = last.status == "completed" and last.result.final
        return held.state == "final" and held.touched is None and bool(known)

    def _heard(self, reference: str) -> datetime | None:
        """When somebody took the news of it."""
        for event, about in self._ledger.announced.items():
            if about != reference:
                continue
            for run in self._server.runs(event):
                taken = run.status == "completed" and run.result.outcome is EventOutcome.DELIVERED
                if taken:
                    return run.closed_at
        return None
