"""Deterministic stories. Nothing here talks to the outside or knows a provider's name."""
