"""Who may call the stand-in for Riverty, for whom. All of it is made up but the address."""

from __future__ import annotations

PRIMARY_KEY = "sandbox-primary-key-of-no-worth"
SECONDARY_KEY = "sandbox-secondary-key-of-no-worth"
BUSINESS = "1000"
SOURCE = "20.76.134.255"
"""One of the published addresses that test notifications come from."""
