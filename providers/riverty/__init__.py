"""Riverty Accounting as a Service: an order first, then invoices of its whole lines.

Page: https://docs.riverty.com/accounting_as_a_service/api_reference/create_invoice

Stated there: the route; the fields of an invoice, which carries no amounts because they come from
the order; that the order comes first, that only whole lines are invoiced, that every line must in
the end be invoiced or cancelled and that tracking this is the client's duty; that onboarding fixes
who makes the invoice document.

Public (the vendor's other pages and its older portal): the key's header and the addresses; orders,
cancellations, returns and goodwills with their fields, lengths and words; 400 and 500 mean that
nothing was stored, 500 also that the key is wrong; 200 means received, not valid: a notification
with the verdict follows within 24 hours (documentation/qualitative-response), and nothing may be
built on a request before its OK; what is received is buffered while the accounting behind it is
away (getting-started-with-accounting-as-a-service/involved-systems); over-long values may be cut
off; notification types and source addresses; nothing can be read.

Inferred: a duplicate of an order or an invoice comes back as an error and not as a second one,
because references are checked for uniqueness, so an uncertain call is sent again under the same
names; `vatAmount` is of one unit (2.5 units at 119.12 come with 19.02); the noun in a verdict's
`requestType` says which kind of request it judges; news that name the invoice prove that it was
accepted; `remainingAmount` is the invoice's; a company's name is its `lastName`; what an accepted
invoice means for sending.

Unknown, therefore a setting: the word for success; whether `vatAmount` is of the unit or the line;
how many decimals a unit price may have; words of `requestType`, reasons and position types that no
page lists; which VAT rate is `NORMAL`; whether news about documents are activated; whether an item
of an order may have the `quantityType` that is shown on returns. How our request id, the provider's
and the verdict's transaction id belong together is not known either: all are kept, and any of them
that fits identifies a verdict. Notifications are not signed and carry no id: their source address
is checked, and an event's id is the digest of its body.

No answer states an amount, so nothing can be compared before it is too late. Therefore the prices
sent must not depend on anybody's rounding: quantity times unit price is the line's gross exactly,
or the line is refused, or its options say that it may be sent as one piece.

There is nothing to ask: `read` and `find` make no call. What was sent and what was told is kept in
the context, and `read` applies the events to it. One kind of request has one slot there:

    order, invoice, cancellation, return, goodwill: its ids, its verdict, how many verdicts came

Our reference is held nowhere: an order and its invoices bear names of their own, which no answer
states. So no snapshot states a reference. Two invoices of one number are kept apart by their
orders, which nearly all news name.

An OK stays an OK: a later error for the same kind of request is the answer to a duplicate of ours.
An error becomes an OK when one arrives late. A word that is neither is shown and waited on.

Whose verdict it is: the invoice's, if it names its reference or one of our request ids. One that
names only the order belongs to an invoice that has the order to itself, by making it or by
delivering every line of it; with other invoices of that order possible, it is shown and not taken.
"""
