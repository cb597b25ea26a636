"""A stand-in for Mollie's Sales Invoices: a real, stateful HTTP server on 127.0.0.1.

In a test process, as many as wanted, nothing shared between them:

    from sandbox import mollie
    from sandbox.kit.server import serve

    async with serve(mollie.MollieStandIn()) as stand_in:
        stand_in.url                # stands for https://api.mollie.com; the routes begin with /v2
        mollie.TEST_KEY, mollie.LIVE_KEY                        # API keys, bound to mollie.PROFILE
        mollie.ORGANISATION_TOKEN, mollie.READ_ONLY_TOKEN       # need profileId, know testmode
        mollie.PROFILE, mollie.OTHER_PROFILE, mollie.CUSTOMER, mollie.MANDATE

        stand_in.faults.place("create", "time_out", when="after")
        gate = stand_in.faults.place("create", "gate", when="after")
        await gate.reached();  gate.release()
        await stand_in.reached("create", nth=1, when="after")   # the 1st create ever has committed
        await stand_in.arrived("create", 2)                     # the 2nd has come in
        async with stand_in.down(): ...                         # nothing listens meanwhile

        stand_in.ledger.live("INV-1")       # ids created and neither deleted nor credited
        stand_in.ledger.effects("INV-1")    # ["created", "approved", "sent", "paid"]
        stand_in.ledger.of("INV-1")         # entries: seq, at, effect, invoice_id, number, gross
        await stand_in.ledger.reached("approved", "INV-1")
        stand_in.calls.count("create");  stand_in.calls.of("create")[0].status
        stand_in.invoice("INV-1")           # what a GET would answer now
        stand_in.pay("INV-1");  stand_in.pay("INV-1", Decimal("10.00"))
        stand_in.charge_back("INV-1")       # the payment was taken back
        stand_in.refund("INV-1", Decimal("10.00"))              # no invoice shows that
        stand_in.ledger.account("INV-1")    # invoiced, credited, paid: see `sandbox.kit.accounts`
        stand_in.overdue("INV-1")           # its payment term has ended
        stand_in.finish("INV-1")            # end its e-invoice delivery or collection now
        stand_in.relink("INV-1")            # its links lead nowhere; the next answer has others
        stand_in.keys.clear()               # the hour is over: idempotency keys are forgotten
        stand_in.revoke(mollie.TEST_KEY);  stand_in.reset()

A reference is what `metadata` holds under `reference` (or its only text, whatever its name is).
In the ledger *approved* is issued (or paid at once), with its number; *sent* is an e-mail, or the
delivery of an e-invoice (then its e-mail is not written down); *credited* is cancelled.

On its own: `python -m sandbox.mollie [--port N] [--e-invoice-delay S] [--collection-delay S]
[--key-lifetime S]` prints its URL on one line. From other processes:

    POST   /_sandbox/faults               {step, fault, nth, when, times, seconds, retry_after, key}
    GET    /_sandbox/faults               DELETE takes all away
    POST   /_sandbox/faults/{id}/release  opens a gate
    GET    /_sandbox/ledger?reference=    {"entries": [...]}, amounts as strings
    GET    /_sandbox/calls                {"calls": [...], "counts": {...}}
    GET    /_sandbox/account?reference=   {"accounts": [...]}
    POST   /_sandbox/pay                  {reference, amount?}; so are charge_back and refund
    POST   /_sandbox/reset

It was written from the provider's page "Create sales invoice"
(https://docs.mollie.com/reference/create-sales-invoice), its pages on the invoice lifecycle,
idempotency and errors, and the public OpenAPI document. What none of them says is marked: (I) was
inferred, (U) is unknown and chosen here, most of it a setting of `MollieStandIn`. A POST whose
idempotency key is still under way (a gate or a slow answer, before or after it took effect) is
refused with 409; once an answer was sent or given up, the key replays it. Not here: webhooks,
the resources of payments and refunds, partial credit notes, others.
"""

from __future__ import annotations

from sandbox.mollie.data import (
    CUSTOMER,
    LIVE_KEY,
    MANDATE,
    ORGANISATION_TOKEN,
    OTHER_PROFILE,
    PROFILE,
    READ_ONLY_TOKEN,
    TEST_KEY,
)
from sandbox.mollie.stand_in import MollieStandIn
from sandbox.mollie.words import Step, Told

__all__ = [
    "CUSTOMER",
    "LIVE_KEY",
    "MANDATE",
    "ORGANISATION_TOKEN",
    "OTHER_PROFILE",
    "PROFILE",
    "READ_ONLY_TOKEN",
    "TEST_KEY",
    "MollieStandIn",
    "Step",
    "Told",
]
