"""Where each rule of EN 16931 is held, or why a document of ours cannot break it.

A word of the table is the name of a rule of ours (`invoicing/rules.py`, `invoicing/vat.py`), or:

    required    the field must be given, and its type says what may stand in it
    computed    `invoicing/totals.py` makes the figure
    unsaid      a document has no field for it
    written     whoever writes the document for the norm's reader says it by itself
    provider    known at the provider, which completes it: its account is the seller, its master
                data has the buyer's address, its settings say when an invoice is due
    apart       broken on purpose, and only as said here. A currency of three decimals or four has
                amounts of as many (BHD, CLF), where the norm knows two. And where VAT is rounded
                per line, a row's VAT is the sum of what was rounded, half a minor unit off for each
                line; the judge allows less than 1.00, which 200 lines can reach, and one line in a
                currency without decimals
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_ROWS: dict[str, str] = {
    "required": "BR-03 BR-05 BR-07 BR-16 BR-21 BR-22 BR-23 BR-24 BR-25 BR-26 BR-27 BR-55 BR-57 "
    "BR-53 BR-CL-05 BR-CO-04 BR-CO-09 BR-CL-04 BR-CL-14 BR-CL-15 BR-CL-16 BR-CL-17 BR-CL-18 "
    "BR-CL-22 BR-CL-23 "
    # an adjustment is an amount or a percentage, and names its VAT
    "BR-31 BR-32 BR-36 BR-37 BR-41 BR-43 "
    # a period has both its days, in order
    "BR-29 BR-30 BR-CO-19 BR-CO-20",
    "computed": "BR-12 BR-13 BR-14 BR-15 BR-45 BR-46 BR-47 BR-48 BR-CO-10 BR-CO-11 BR-CO-12 "
    "BR-CO-13 BR-CO-14 BR-CO-15 BR-CO-16 BR-CO-18 "
    # one row for each category and rate, its taxable amount and its VAT
    "BR-{S,Z,E,AE,IC,G,O,AF,AG}-01 BR-{S,Z,E,AE,IC,G,O,AF,AG}-08 BR-{Z,E,AE,IC,G,O}-09",
    "apart": "BR-CO-17 BR-{S,AF,AG}-09 "
    "BR-DEC-{01,02,05,06,09,10,11,12,13,14,15,16,17,18,19,20,23,24,25,27,28}",
    "unsaid": "BR-18 BR-19 BR-20 BR-28 BR-51 BR-52 BR-54 BR-56 BR-65 BR-B-01 BR-B-02 "
    "BR-CO-03 BR-CL-06 BR-CL-07 BR-CL-08 BR-CL-13 BR-CL-24",
    "written": "BR-01 BR-04 BR-33 BR-38 BR-42 BR-44 BR-CO-05 BR-CO-06 BR-CO-07 BR-CO-08 "
    "BR-CO-21 BR-CO-22 BR-CO-23 BR-CO-24 BR-CL-01 BR-CL-03 "
    "BR-{AE,IC,G,O}-10 BR-O-05 BR-O-06 BR-O-07",
    "provider": "BR-02 BR-06 BR-08 BR-09 BR-10 BR-11 BR-49 BR-50 BR-61 BR-CO-25 BR-CO-26 "
    "BR-{S,Z,E,G,AF,AG}-02 BR-{S,Z,E,G,AF,AG}-03 BR-{S,Z,E,G,AF,AG}-04",
    "_buyer_is_taxed_instead": "BR-{AE,IC}-02 BR-{AE,IC}-03 BR-{AE,IC}-04",
    "_supply_within_the_union_is_delivered": "BR-IC-11 BR-IC-12",
    "_outside_scope_has_no_vat_numbers": "BR-O-02 BR-O-03 BR-O-04",
    "_outside_scope_stands_alone": "BR-O-11 BR-O-12 BR-O-13 BR-O-14",
    "_payee_is_another": "BR-17",
    "_codes_are_known": "BR-62 BR-63 BR-64 BR-CL-10 BR-CL-11 BR-CL-19 BR-CL-20 BR-CL-21 BR-CL-25 "
    "BR-CL-26",
    "_rate_fits_category": "BR-{S,Z,E,AE,IC,G,AF,AG}-05 BR-{S,Z,E,AE,IC,G,AF,AG}-06 "
    "BR-{S,Z,E,AE,IC,G,AF,AG}-07",
    "_exemption_is_explained": "BR-E-10",
    "_no_reason_without_exemption": "BR-{S,Z,AF,AG}-10",
}

NOT_JUDGED = {"BR-CO-25"}
"""Rules of the norm that the judge for UBL does not have."""


def held() -> dict[str, str]:
    """What holds each rule, by the rule's name. Raises ValueError where one stands twice."""
    found: dict[str, str] = {}
    for by, text in _ROWS.items():
        for rule in _each(text.split()):
            if rule in found:
                raise ValueError(f"{rule} stands twice")
            found[rule] = by
    return found


def _each(patterns: Iterable[str]) -> Iterator[str]:
    """`BR-{S,Z}-01` is two rules."""
    for pattern in patterns:
        before, brace, rest = pattern.partition("{")
        if not brace:
            yield pattern
            continue
        choices, _, after = rest.partition("}")
        for choice in choices.split(","):
            yield f"{before}{choice}{after}"
