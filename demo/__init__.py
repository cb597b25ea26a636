"""The demonstration: invoices to which everything happens at once, and what becomes of them.

`python starter.py demo` starts a Temporal server, a stand-in of every provider and a worker as a
process of its own, asks for all the invoices and the order of `stories`, plays the providers'
mishaps, the buyers' and the operators' part, and compares the providers' ledgers with our states.

    stories      what happens to each invoice, and how it has to end; what a story is: `story`,
                 `conditions` (when it is somebody's turn) and `actions` (what they do then)
    accounts     a stand-in per account, with its mishap, and the worker's settings
    worker       the worker's process
    webhooks     what a provider tells us, on its way to its invoice
    play         all of it played at once
    compare      the ledgers beside our states
    console      the console that `keep` puts before it
    run          starting it, showing the comparison, stopping it; `keep` leaves it running

The server is always one of the demonstration's own: a worker with made-up accounts has no business
on anybody's real task queue, whatever TEMPORAL_ADDRESS says.
"""

from __future__ import annotations

from demo.run import main

__all__ = ["main"]
