"""Why nobody answered a caller, as far as that can be found out in a moment."""

from __future__ import annotations

from gateway.backend import Backend
from gateway.problems import Trouble, no_worker, trouble_with
from invoicing.errors import EngineError, NoWorker
from invoicing.temporal.asking import Execution


async def told_apart(behind: Backend, about: Execution | None) -> Trouble:
    """What to tell a caller whom nobody answered. What cannot be found out is not guessed."""
    try:
        why = await behind.stored(behind.client.why_silent(about))
    except EngineError:
        why = None
    if isinstance(why, NoWorker):
        return no_worker("No worker runs for this namespace and task queue.")
    return trouble_with(why) if why else no_worker()
