"""Mollie: sales invoices, paid through Mollie's own payment pages.

Page: https://docs.mollie.com/reference/create-sales-invoice

Stated there: `testmode` and `profileId` only with organisation-level credentials; a draft can be
changed, issuing sends it to the recipient; what `paid` depends on; VAT scheme and mode; the payment
terms; a discount on the whole comes on top of those of the lines; e-invoices only within Belgium,
Germany and the Netherlands.

Public (the vendor's OpenAPI document and guides): the routes, recipient and line fields with their
limits, metadata, the error body, paging, statuses beyond the page's three, cancelling by update,
the idempotency key (POST only, forgotten after an hour, 400 with other content, 409 while the first
is running), that a call which timed out may yet arrive and be executed (overview/api-idempotency),
the second status axis of e-invoices, the signature of webhooks and their types.

Inferred: `issued` on the e-invoice axis means delivered; a line's discount is of the whole line; a
list states metadata as a single invoice does; an invoice without a number is not issued yet.

Contradictory: a webhook's body is said to be an event, and to be the invoice itself; both are read.
E-mail details are called both optional and required for issuing. So an invoice that
is to be sent brings them, and one that is only to be approved brings none unless its request says
so. The page knows cancelled invoices from the dashboard only; newer sources allow it here.

Unknown, therefore a setting: whether VAT is rounded per line or per rate; whether the currency is
also written beside the lines, as the code samples do. The meaning of the status `expired` is not
documented, so it is a word we do not know. Answers state the VAT as one sum: it can be compared per
rate only where one rate has any. How a discount on the whole is divided over VAT rates is not said
either, so there is one only where all lines share a rate (`discount.py`). Unknown too: for how long
a call that timed out may still be executed (the port's default), and whether a 429 is given before
anything is done (only reading calls believe it).

Our reference stands in the metadata, and an answer that shows them states it.

Issuing with e-mail details is the only sending there is. So `approve` does both, an issued invoice
counts as sent where its plan sends, and `send` refuses.
"""
