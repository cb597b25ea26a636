"""A local Temporal server without Docker: found, downloaded or built once, then run at will.

The address in TEMPORAL_ADDRESS comes first; `installing` says where else a server is from. What is
given by name must work: it is an error if it does not, never a reason to look further.

`python -m temporal_server` runs one in the foreground; `--resolve` only finds or makes the binary.
"""

from temporal_server.installing import ServerUnavailable, cache_folder, resolve_binary
from temporal_server.local import LocalServer
from temporal_server.run import Server, local_server

__all__ = [
    "LocalServer",
    "Server",
    "ServerUnavailable",
    "cache_folder",
    "local_server",
    "resolve_binary",
]
