"""A stand-in for Invoro (Peppol and KSeF e-invoicing): a real, stateful HTTP server on 127.0.0.1.

In a test process, as many as wanted, nothing shared between them:

    from sandbox import invoro
    from sandbox.kit.server import serve

    async with serve(invoro.InvoroStandIn(sending_delay=0.05)) as stand_in:
        stand_in.base_url           # stands for https://api.invoro.eu/invoice-api
        invoro.LIVE_KEY, invoro.TEST_KEY                    # 64 characters, all scopes
        invoro.READER_KEY, invoro.HOMELESS_KEY, invoro.STRANGER_KEY
        stand_in.keys["…"] = invoro.Key(live=False, scopes=frozenset({"invoice:read"}))
        stand_in.rate_limit = 2     # per second and key
        stand_in.assumed.unique_numbers = True              # see `Assumed`
        stand_in.participants       # who is on Peppol, by id; `Participants` names those

        stand_in.faults.place("create", "time_out", when="after")
        gate = stand_in.faults.place("approve", "gate", when="after")
        await gate.reached();  gate.release()
        await stand_in.reached("create", nth=1, when="after")   # the 1st create ever has committed
        async with stand_in.down(): ...                         # nothing listens meanwhile

        stand_in.ledger.live("INV-1")       # ids created and neither deleted nor credited
        stand_in.ledger.effects("INV-1")    # ["created", "approved", "sent", "paid"]
        await stand_in.ledger.reached("sent", "INV-1")
        stand_in.calls.count("create");  stand_in.calls.of("create")[0].status
        stand_in.invoice("INV-1")           # what a GET would answer now
        stand_in.finish("INV-1")            # end its sending and delivery now (delays=inf)
        stand_in.deliver("INV-1");  stand_in.fail("INV-1", "recipient unknown")
        stand_in.put("INV-1", "approved")   # what a person does in the provider's application
        stand_in.pay("INV-1");  stand_in.pay("INV-1", Decimal("10.00"))
        stand_in.charge_back("INV-1");  stand_in.refund("INV-1", Decimal("10.00"))
        stand_in.ledger.account("INV-1")    # invoiced, credited, paid: see `sandbox.kit.accounts`
        stand_in.ledger.loose               # credit notes over invoices that are not there
        stand_in.reset()

Levers take a reference, a number or an id. There is no reference of ours at Invoro: what the ledger
calls one is the first text found at `Assumed.reference_at`. A credit note that shares it with the
invoice it credits stands under its own number instead. Amounts are in cents on the wire, in units
in the ledger and in `pay`. Sending is the irrevocable step: it is `approve` here, and the ledger
says `approved` when the call is accepted and `sent` when the sending has ended.

On its own: `python -m sandbox.invoro [--port N] [--sending-delay S] [--delivery-delay S]
[--rate-limit N]` prints its URL on one line. From other processes, beside the provider's routes:

    POST   /_sandbox/faults               {step, fault, nth, when, times, seconds, retry_after, key}
    GET    /_sandbox/faults               DELETE takes all away
    POST   /_sandbox/faults/{id}/release  opens a gate
    GET    /_sandbox/ledger?reference=    {"entries": [...]}, amounts as strings
    GET    /_sandbox/calls                {"calls": [...], "counts": {...}}
    GET    /_sandbox/account?reference=   {"accounts": [...]}
    POST   /_sandbox/pay                  {reference, amount?}; so are charge_back and refund
    POST   /_sandbox/reset

The provider's routes, under /invoice-api (step, scope):

    POST   /invoices                 create   invoice:create       a draft
    POST   /invoices/import-xml      import   invoice:create       a draft, from UBL
    GET    /invoices                 find     invoice:read         15 per page
    GET    /invoices/{id}            read     invoice:read
    POST   /invoices/{id}/send       approve  invoice:send         numbered and queued
    DELETE /invoices/{id}            delete   invoice:delete       drafts only
    POST   /peppol/lookup            lookup   participant:read

It was written from the provider's page "Create Invoice" and the pages beside it on docs.invoro.eu
(authentication, document type profiles, the other operations). What they do not say is marked: (I)
was inferred, (U) is unknown and chosen here, a setting in `Assumed` where it matters. It is
stricter than the original may be: properties and filters that the pages do not have are refused.
Not here, for no page has them: a PDF or an XML of an invoice, and a link to pay it. Not here
either: contacts, webhooks, incoming invoices, delivery over KSeF or e-mail beyond its name.
"""

from __future__ import annotations

from sandbox.invoro.data import (
    BASE_PATH,
    COMPANY,
    HOMELESS_KEY,
    LIVE_KEY,
    READER_KEY,
    STRANGER_KEY,
    TEST_KEY,
    Entities,
    Key,
    Participants,
)
from sandbox.invoro.stand_in import InvoroStandIn
from sandbox.invoro.words import Assumed, Step, Told

__all__ = [
    "BASE_PATH",
    "COMPANY",
    "HOMELESS_KEY",
    "LIVE_KEY",
    "READER_KEY",
    "STRANGER_KEY",
    "TEST_KEY",
    "Assumed",
    "Entities",
    "InvoroStandIn",
    "Key",
    "Participants",
    "Step",
    "Told",
]
