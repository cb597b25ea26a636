"""A local Temporal server without Docker: found, downloaded or built once, then run at will.

In this order: the address in TEMPORAL_ADDRESS → the binary in TEMPORAL_BINARY → `temporal` on PATH
→ what an earlier run left in the cache → the SDK's download → a build from its Go module. What is
given by name must work: it is an error if it does not, never a reason to look further.

`python -m temporal_server` runs one in the foreground; `--resolve` only finds or makes the binary.
"""

from temporal_server.build import resolve_binary
from temporal_server.find import ServerUnavailable, cache_folder
from temporal_server.run import LocalServer, Server, local_server

__all__ = [
    "LocalServer",
    "Server",
    "ServerUnavailable",
    "cache_folder",
    "local_server",
    "resolve_binary",
]
