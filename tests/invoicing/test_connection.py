"""What is said when the Temporal server cannot be reached: which of the reasons it is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from temporalio.service import GrpcCompression

from invoicing.errors import Unreachable
from invoicing.temporal.connection import connected, reach


async def _hears_and_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read(100)
    finally:
        writer.transport.abort()


def certified(folder: Path) -> ssl.SSLContext:
    """As a server whose certificate nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    context.set_alpn_protocols(["h2"])
    return context


@pytest.fixture
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Where something answers that is no Temporal server: with TLS or without."""
    context = certified(tmp_path) if request.param == "TLS" else None
    server = await asyncio.start_server(_hears_and_hangs_up, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("address", "tls", "said"),
    [
        ("plain", "true", "speaks no TLS"),
        ("TLS", "false", "whether it wants TLS"),
        ("TLS", "true", "is not trusted here"),
    ],
    indirect=["address"],
)
async def test_a_mismatch_of_tls_is_not_taken_for_a_server_that_is_not_there(
    address: str, tls: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.setenv("TEMPORAL_TLS", tls)
    with pytest.raises(Unreachable, match=said) as caught:
        await reach()
    assert "start it" not in str(caught.value)
    assert address in str(caught.value)


async def test_where_nobody_answers_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    for tls in ("true", "false"):
        monkeypatch.setenv("TEMPORAL_TLS", tls)
        with pytest.raises(Unreachable, match="no Temporal server answers"):
            await reach()


async def test_nothing_is_compressed_unless_a_caller_says_so() -> None:
    told: tuple[dict[str, Any], ...] = ({}, {"grpc_compression": GrpcCompression.GZIP})
    clients = [await connected("127.0.0.1:1", lazy=True, **each) for each in told]
    used = [each.service_client.config.grpc_compression for each in clients]
    assert used == [GrpcCompression.NONE, GrpcCompression.GZIP]
