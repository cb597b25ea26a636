"""Invoro: electronic invoices over Peppol, KSeF or e-mail.

Page: https://docs.invoro.eu/api-reference/operations/invoiceapistore/

Stated there: the body of create with all its limits, amounts as integer cents, `calculate_totals`,
that a new invoice is a draft, that its number is drawn from a series when it is *sent* unless the
caller brings one, the words of `state`, every field of the answer.

Public (the vendor's other pages): the base address, both ways of sending the key, the routes for
reading, listing, sending and deleting, the exact `invoice_number` filter, 15 per page,
`header.document_type` and its categories, the Peppol look-up, the errors, the rate limit and its
headers, the signature of webhooks. There is no route that approves or cancels, and none that
credits: a credit note is an invoice of type 381 that is created and sent like any other.

Sending is therefore both: `approve` posts to the `send` route and reports `sending`; the workflow's
own step of sending finds nothing left to do but wait.

Inferred: sending validates by the fatal rules of EN 16931 and of Peppol, so `plan` asks for what
they want of an invoice that is to be sent (the page says that it validates, and not against what);
VAT is rounded per category and rate (EN 16931); `name` and `legal_name` are one thing;
days are written as midnight UTC, which is the same day everywhere this provider works; `cancelled`
means that nothing is alive any more; `ubl_json` has the shape of create's body, and a list states
it too; `related_invoice_id` of a credit note is the invoice that it takes back.

Unknown, therefore a setting: whether `approved` is a draft that somebody approved in the app or one
that is on its way; whether `amount` is the gross or what is left to pay; where
`invoice_number_series` is written; whether the figures in `ubl_json` are cents as well; which date
the list's `from_date` means (so it is used only with a margin, and only where asked for). Unknown
too: for how long a call whose answer was lost may still take effect (the port's default), and
whether a 429 was given before anything was done (only reading calls believe it); the words of
`payment_status`, which are shown and decide nothing; whether a network ever reports `delivered`:
where it does not, `sent` can be made to count as delivered; what the body of a webhook looks like
but for its `event` and `timestamp`, so that the invoice's id is looked for in several places.

Our reference is a line of text, the mark, in one of three places where a create may write it. An
invoice that carries our mark anywhere states our reference. One that carries another's mark in one
of these places states what stands there. With the option `mark=none` nothing is stated, for then a
line that looks like a mark is the caller's own.
"""
