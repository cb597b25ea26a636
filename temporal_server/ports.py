"""Ports of this machine."""

from __future__ import annotations

import socket

from temporal_server.installing import ServerUnavailable


def refuse_busy(*ports: int | None) -> None:
    """Raise ServerUnavailable if somebody listens on one of these."""
    for port in filter(None, ports):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ServerUnavailable(
                    f"Port {port} is taken, perhaps by a Temporal server that already runs: "
                    "stop that one, or choose another port."
                ) from error


def free_port() -> int:
    """A port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
