"""Temporal, as callers and workers meet it: connection, payloads, questions, errors."""
