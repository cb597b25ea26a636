"""Temporal's command line, which has a server in it: found, downloaded or built once per user.

In this order: the binary in TEMPORAL_BINARY → `temporal` on PATH → what an earlier run left in the
cache → the SDK's download → a build from its Go module.
"""

from temporal_server.installing.build import resolve_binary
from temporal_server.installing.find import ServerUnavailable, cache_folder, without_temporal

__all__ = ["ServerUnavailable", "cache_folder", "resolve_binary", "without_temporal"]
