"""For clients in tests that speak to this machine only, and never over TLS."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loading the authorities takes a client of httpx longer than most tests take: 20 ms."""
