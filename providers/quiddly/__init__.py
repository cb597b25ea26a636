"""Quiddly: Swedish invoice service with reminders, collection and factoring.

Page: https://dev.quiddly.com/docs/platform/api/endpoins/invoice/create (its spelling)

Stated there: every field of create and of its answer, which are required, the product and
distribution codes, the VAT percentages, the ledger's words, `clientId` where the user is not the
client's own, `debitInvoiceNumber` for a credit invoice, identification numbers that are valid for
the debtor's type. A row's `total` is without VAT, `totals.total` with it; balances are 0 as long as
nothing is activated.

Public (the vendor's guides): signing in and how long a token lives; activation with its optional
overrides, "ready to be sent to the debtor"; at least one row; a quantity is text, a discount a
percentage or an amount; the feed of payments, in which a payment stays until it is marked as
exported; the client's own PDF, uploaded as form data that names client and invoice.

Inferred: an activated invoice with a distribution code is sent by Quiddly without being asked
again, and no field shows when, so it counts as sent; fees are without VAT and part of the VAT rows;
VAT adds up from the rows; rows take an article and an account number, as answers show them; e-mail
needs an address, a letter a postal one. Form data with a file is `multipart/form-data`, though the
page's headers say JSON; only a draft takes a PDF; a later upload takes the place of an earlier one,
for an invoice has one `document.attachment`, so that an upload of unknown outcome is made again.
Routes to read, list and delete are likely and nowhere written down: settings name them, and without
them nothing is asked that cannot be answered.

Assumed: that a PDF may have 10 MB, as every file here, and that an invoice takes one.

Unknown, therefore a setting: `type` of a credit invoice and the sign of its amounts; which of a
payment's two amounts is in the invoice's currency where the base currency is another. Unknown, and
left alone: words of `statuses.main` other than CREATED (activation is told by its date and user),
the form of errors (the HTTP status decides), whether an invoice number may be used twice.

Unknown too: for how long a call whose answer was lost may still take effect (the port's default),
and whether a 429 is given before anything is done (only reading calls believe it).

Our reference has no place of its own. It is written into `ourReference` ("your reference of the
invoice", says the page) or, where the request fills that itself, into `ourOrderNumber`; where both
are taken or the settings forbid it, the invoice states none. Invoices are searched by number, and
one that states another reference in that place is left out.

There is no guard against a second draft and, without a list, no way to look for the first. So a
create of unknown outcome is answered by *cannot tell*. A draft too many is inert: `approve`
activates exactly the one id it is given.

Sending is part of activation, so `send` has nothing to call. A credit would take two calls (create,
activate) and more than a target knows, so no plan offers it: a credit invoice is a request of its
own, a credit note that names the invoice. Marking payments as booked needs a voucher of the
caller's bookkeeping, so that is left to it.
"""
