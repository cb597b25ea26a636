"""What the gateway's listening socket gives to each of its connections."""

from __future__ import annotations

import socket
from contextlib import closing

from gateway.serve import _listen
from tests.gateway.door import settings


def test_the_body_of_an_answer_does_not_wait_until_its_head_is_confirmed() -> None:
    """It took 40 ms of each answer but the first of a connection."""
    with closing(_listen(settings())) as listening:
        address = listening.getsockname()
        with socket.create_connection(address), closing(listening.accept()[0]) as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
