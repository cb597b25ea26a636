"""REST and webhooks for callers that are no Temporal clients. All it keeps is its counters."""
