"""A sixth provider, added from outside: see docs/adding-a-provider.md. Paperpost is invented."""
