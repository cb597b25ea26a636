"""The demonstration: invoices to which everything happens at once, and what becomes of them.

`python starter.py demo` starts a Temporal server, a stand-in of every provider and a worker as a
process of its own, asks for all the invoices and the order of `stories`, plays the providers'
mishaps, the buyers' and the operators' part, and compares the providers' ledgers with our states.

    stories   what happens to each invoice, and how it has to end; what a story is: `script`,
              `cues` (when it is somebody's turn) and `deeds` (what they do then)
    cast      a stand-in per account, with the mishap that belongs to it, and the worker's settings
    worker    the worker's process
    gateway   what a provider tells us, on its way to its invoice
    stage     all of it played at once
    verdict   the ledgers beside our states
    evening   putting it up, the verdict read, taking it down; `kept` is what stays up meanwhile

The server is always one of the demonstration's own: a worker with made-up accounts has no business
on anybody's real task queue, whatever TEMPORAL_ADDRESS says.
"""

from __future__ import annotations

from sandbox.demo.evening import main

__all__ = ["main"]
