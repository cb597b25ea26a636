"""What is different about each provider, one `Kind` each, for tests that are the same for all.

To add a provider, write its description beside the others and name it here.
"""

from __future__ import annotations

from tests.lifecycle.kinds.invoro import INVORO
from tests.lifecycle.kinds.kind import Kind
from tests.lifecycle.kinds.mollie import MOLLIE
from tests.lifecycle.kinds.quiddly import QUIDDLY
from tests.lifecycle.kinds.quiddly_blind import BLIND
from tests.lifecycle.kinds.riverty import RIVERTY

KINDS: dict[str, Kind] = {
    "mollie": MOLLIE,
    "invoro": INVORO,
    "quiddly": QUIDDLY,
    "quiddly_blind": BLIND,
    "riverty": RIVERTY,
}
