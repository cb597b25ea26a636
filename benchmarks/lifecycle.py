"""What an invoice's life costs: `make benchmark`, or `python -m benchmarks.lifecycle [--quick]`.

Every figure stands beside a baseline measured in the same run, on the same Temporal server, with
the same data converter: a bare workflow that makes as many calls, one after the other, and waits as
often, with activities that do nothing. Each kind has one worker process, and the kinds take turns,
so that a busy machine is as unkind to one as to the other.
"""

from __future__ import annotations
