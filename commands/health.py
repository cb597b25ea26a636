"""What the health checks of containers run: 0 and a sentence, or 1 and what is wrong.

python -m commands.health worker                       a worker on this host asks for work
python -m commands.health http://127.0.0.1:8080/ready  that address answers with 2xx
"""

from __future__ import annotations

import asyncio
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from invoicing.process import run

if TYPE_CHECKING:
    from invoicing.client.server import Poller

SECONDS = 10.0
FRESH = timedelta(minutes=2)
"""A worker that finds nothing to do asks again every minute."""


class Unwell(Exception):
    """The sentence says what is wrong."""


async def worker() -> str:
    """Say that a worker on this host polls the workflows' queue. Raises Unwell."""
    # Here, for they take most of a second, and a page is asked for every ten seconds.
    import invoicing.client
    from invoicing.client.server import WORKFLOWS, pollers
    from invoicing.errors import InvoicingError
    from invoicing.state.identity import TASK_QUEUE
    from invoicing.temporal.converter import data_converter

    try:
        async with asyncio.timeout(SECONDS):
            client = await invoicing.client.connect(data_converter=data_converter)
            found = await pollers(client, TASK_QUEUE, WORKFLOWS)
    except (InvoicingError, TimeoutError) as error:
        raise Unwell(f"the Temporal server does not say ({type(error).__name__})") from None
    if not _polls(found):
        raise Unwell(f"no worker on {socket.gethostname()} has asked for work on {TASK_QUEUE}")
    return f"a worker on {socket.gethostname()} asks for work on {TASK_QUEUE}"


def _polls(found: Iterable[Poller]) -> bool:
    """Whether one of them is of this host, by the identity that the SDK gives it: pid@host."""
    since = datetime.now(UTC) - FRESH
    ours = f"@{socket.gethostname()}"
    return any(poller.identity.endswith(ours) and poller.at > since for poller in found)


def page(url: str) -> str:
    """Say that the page answers with 2xx. Raises Unwell."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 (ours)
            return f"{url} answers {answer.status}"
    except urllib.error.HTTPError as error:
        raise Unwell(f"{url} answers {error.code}") from None
    except (OSError, ValueError):
        raise Unwell(f"{url} does not answer") from None


def main(what: str) -> str:
    """Check the worker, or else the page at this address."""
    return run(worker()) if what == "worker" else page(what)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    try:
        sys.stdout.write(f"{main(sys.argv[1])}\n")
    except Unwell as problem:
        sys.exit(str(problem))
