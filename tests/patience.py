"""How long a test waits for what certainly comes."""

LONG_ENOUGH = 120.0
"""Seconds. More than anything takes on the busiest machine: what is waited for ends the wait."""
