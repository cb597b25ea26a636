"""Payloads encrypted before they leave the process: Temporal keeps what it cannot read.

Off unless `INVOICING_ENCRYPTION_KEYS` is set, to `name:key` once or several times, with commas
between: the first key encrypts, every key decrypts. A key is 32 bytes in Base64;

    python -m invoicing.temporal.encryption 2026-11      # prints 2026-11: and a new key

makes one. Everybody who speaks to the server needs the keys: workers, services, the command line,
the gateway. Payloads that are not encrypted stay readable, so it can be turned on at any time.

To rotate, in this order: add the new key at the end everywhere; once that is everywhere, move it to
the front; drop the old one when the namespace's retention has passed since the last workflow that
began with it ended. One key is good for 2^32 payloads (NIST SP 800-38D, 8.3), about forty million
invoices: once a year is often enough.

What is encrypted: inputs, results, signals, updates, queries, memo, summaries and details, and the
messages and stack traces of failures. What stays readable: ids, types of workflows and activities,
names of queues, signals and updates, search attributes, times, kinds of failures, the reason given
with Temporal's own cancel and terminate, and of each payload its size and its key's name. That a
payload is in the place where it was written is proven only where each invoice has a key of its own
(`invoicing.temporal.data_keys`): else who may write to Temporal's database can move whole payloads
about.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from pydantic import SecretBytes, SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from invoicing.errors import InvoicingError
from invoicing.temporal.converter import ENCRYPTED, Undecipherable

VARIABLE = "INVOICING_ENCRYPTION_KEYS"
VARIABLE_FILE = f"{VARIABLE}_FILE"
"""Names a file that holds what the other would say."""
KEY_BYTES = 32
NONCE_BYTES = 12

ENCODING = ENCRYPTED.encode()
CIPHER = b"AES-256-GCM"
KEY_NAME = "encryption-key-id"
CIPHER_NAME = "encryption-cipher"
OWN_KEY = "@workflow"
"""Instead of a key's name: the data key of its invoice or order (see `data_keys`)."""
WORKFLOW_NAME = "workflow-id"
"""Of the workflow that a payload is bound to, where it is bound to one."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")

Keys = dict[str, SecretBytes]
"""By name; the first one encrypts."""


class BadKeys(InvoicingError):
    """The keys cannot be used; the sentence says which one and why, and shows none."""


def read_keys(text: SecretStr) -> Keys:
    """The keys that the variable's text holds, at least one. Raises BadKeys."""
    keys: Keys = {}
    entries = [entry.strip() for entry in text.get_secret_value().split(",")]
    for place, entry in enumerate(filter(None, entries), 1):
        name, _, key = entry.partition(":")
        if not _NAME.fullmatch(name) or not key:
            # Not even the part before the colon is shown: it may be a key without its name.
            raise BadKeys(
                f"{VARIABLE}: entry {place} is not name:key (a name is 1 to 50 letters, digits "
                "or . _ -)"
            )
        if name in keys:
            raise BadKeys(f"{VARIABLE}: the name {name} is given twice")
        keys[name] = SecretBytes(_key(name, key))
    if not keys:
        raise BadKeys(f"{VARIABLE}: there is no key in it")
    return keys


def _key(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text.translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        raise BadKeys(f"{VARIABLE}: the key {name} is not Base64") from None
    if len(key) != KEY_BYTES:
        raise BadKeys(f"{VARIABLE}: the key {name} has {len(key)} bytes, not {KEY_BYTES}")
    return key


_STANDARD = str.maketrans("-_", "+/")


def new_key(name: str) -> str:
    """An entry for the variable, with a key nobody has seen. Raises BadKeys."""
    if not _NAME.fullmatch(name):
        raise BadKeys("a key's name is 1 to 50 letters, digits or . _ -")
    return f"{name}:{base64.b64encode(AESGCM.generate_key(KEY_BYTES * 8)).decode()}"


def configured(environ: Mapping[str, str] = os.environ) -> EncryptionCodec | None:
    """The codec that the environment asks for, if it does. Raises BadKeys."""
    keys = configured_keys(environ)
    return EncryptionCodec(keys) if keys else None


def configured_keys(environ: Mapping[str, str] = os.environ) -> Keys:
    """The keys that the environment names; none where it names none. Raises BadKeys."""
    text = environ.get(VARIABLE, "").strip() or _in_file(environ.get(VARIABLE_FILE, "").strip())
    return read_keys(SecretStr(text)) if text else {}


def _in_file(name: str) -> str:
    if not name:
        return ""
    try:
        text = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise BadKeys(f"{VARIABLE_FILE} names a file that cannot be read") from None
    if not text:
        raise BadKeys(f"{VARIABLE_FILE} names a file that is empty")
    return text


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM around whole payloads: nonce, ciphertext and tag, beside the key's name."""

    def __init__(self, keys: Keys) -> None:
        self._ciphers = {name: AESGCM(key.get_secret_value()) for name, key in keys.items()}
        self._first = next(iter(self._ciphers))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload encrypted with the first key."""
        return [self.encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload as it was; one that is not encrypted is left alone.

        Raises Undecipherable. A worker then retries the task, so that adding the key mends it.
        """
        return [
            self.decrypted(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def encrypted(self, payload: Payload, workflow: str = "") -> Payload:
        """It, encrypted with the first key; bound to this workflow, where one is named."""
        return encrypted(payload, self._ciphers[self._first], self._first, workflow)

    def decrypted(self, payload: Payload) -> Payload:
        """It, as it was. Raises Undecipherable."""
        name = key_of(payload)
        if name == OWN_KEY:
            raise Undecipherable(
                "it is encrypted with a key of its own, which is in the register: set "
                "INVOICING_DATA_KEYS and INVOICING_REGISTER_AT to what the workers have"
            )
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise Undecipherable(f"it is encrypted with the key {_shown(name)}, not in {VARIABLE}")
        return decrypted(payload, cipher, f"the key {name}")


def encrypted(payload: Payload, cipher: AESGCM, name: str, workflow: str = "") -> Payload:
    """The payload under this key, which has this name; bound to this workflow, if one is named."""
    nonce = os.urandom(NONCE_BYTES)
    bound = _bound_to(name.encode(), workflow.encode())
    metadata = {"encoding": ENCODING, CIPHER_NAME: CIPHER, KEY_NAME: name.encode()}
    if workflow:
        metadata[WORKFLOW_NAME] = workflow.encode()
    sealed = cipher.encrypt(nonce, payload.SerializeToString(), bound)
    return Payload(metadata=metadata, data=nonce + sealed)


def decrypted(payload: Payload, cipher: AESGCM, key: str) -> Payload:
    """As it was, where this key fits, and the workflow that it says to be bound to is that to which
    it was bound. Raises Undecipherable, which names the key as `key`."""
    bound = _bound_to(payload.metadata.get(KEY_NAME, b""), payload.metadata.get(WORKFLOW_NAME, b""))
    nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
    try:
        return Payload.FromString(cipher.decrypt(nonce, sealed, bound))
    except (InvalidTag, ValueError, DecodeError):
        raise Undecipherable(
            f"it does not fit {key}: it was changed after it was encrypted, or "
            "another key had that name"
        ) from None


def key_of(payload: Payload) -> str:
    """The name of the key that it says to be encrypted with."""
    return payload.metadata.get(KEY_NAME, b"").decode("utf-8", "replace")


def _bound_to(name: bytes, workflow: bytes) -> bytes:
    """What the tag vouches for beside the content."""
    parts = (ENCODING, CIPHER, name)
    return b"\0".join((*parts, workflow) if workflow else parts)


def _shown(name: str) -> str:
    """Only what can be a name of ours: anything else was written by somebody else."""
    return name if _NAME.fullmatch(name) else "(unreadable name)"


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{new_key(sys.argv[1] if len(sys.argv) == 2 else '')}\n")
    except BadKeys as problem:
        sys.exit(f"usage: python -m invoicing.temporal.encryption NAME ({problem})")
