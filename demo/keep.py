"""What stays up after the comparison, for whoever wants to look around and try things."""

from __future__ import annotations

import asyncio
import signal
import sys

from demo.console import Door, console
from demo.play import Play
from demo.stories import BY_UNITS, PEPPOL, PRINTED

_WORDS = """
All of it stays up until Ctrl-C. Web UI: {ui}
The console, for people who decide: {console}
Sign in there with the token {token}

In another terminal, in this folder:

  export TEMPORAL_ADDRESS={address} INVOICING_WEB_UI={ui}
  alias starter='{python} starter.py'

  starter list
  starter show refused
  starter resolve refused correct --reason "no direct debit agreed" \\
    --document sandbox/examples/refused-corrected.json
  starter watch refused
  starter order show {order}
  INVOICING_DOCUMENTS_AT={documents} starter document {printed} --output {printed}.pdf

  starter start sandbox/examples/held.json --wait
  starter release EXAMPLE-2 --reason "checked"

Take more of an invoice back, and see what is left of it:

  starter credit {credited} GOODWILL --amount 10.00@21 --reason "goodwill"
  starter credits {credited}

Let the provider hang up after it has stored the next draft, then ask for an invoice:

  curl {url}/_sandbox/faults -d '{{"step": "create", "fault": "reset", "when": "after"}}'
  starter start sandbox/examples/invoice.json --wait

At another provider, let the buyer pay; its feed of payments says so:

  starter start sandbox/examples/quiddly.json
  curl {quiddly}/_sandbox/pay -d '{{"reference": "F-1001"}}'
  starter watch EXAMPLE-QUIDDLY
"""


async def keep(play: Play) -> None:
    """Leave it up until Ctrl-C, with a console before it."""
    async with console(play.server, play.documents.parent) as door:
        await _told_and_kept(play, door)


async def _told_and_kept(play: Play, door: Door) -> None:
    words = _WORDS.format(
        console=door.url,
        token=door.token,
        ui=play.server.ui,
        address=play.server.address,
        python=sys.executable,
        order=BY_UNITS.reference,
        documents=play.documents,
        printed=PRINTED,
        credited=PEPPOL,
        url=play.stand_ins["zero_friction", "default"].url,
        quiddly=play.stand_ins["quiddly", "default"].url,
    )
    play.console.print(words, soft_wrap=True)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, told.set)
    await play.worker.outlives(_until(told))


async def _until(told: asyncio.Event) -> None:
    await told.wait()
