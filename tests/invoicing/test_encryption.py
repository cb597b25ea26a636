"""The codec: what it hides, what it leaves, and what it refuses."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretBytes, SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

import invoicing.client
from invoicing.temporal.converter import Undecipherable, data_converter
from invoicing.temporal.encryption import (
    KEY_NAME,
    VARIABLE,
    VARIABLE_FILE,
    BadKeys,
    EncryptionCodec,
    configured,
    new_key,
    read_keys,
)
from tests.examples import an_invoice
from tests.tiers import slow

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = new_key("2025-05"), new_key("2026-11")
CANARY = "Canary Energy BV"


def codec(*entries: str) -> EncryptionCodec:
    return EncryptionCodec(read_keys(SecretStr(",".join(entries))))


def payload(text: str = CANARY) -> Payload:
    return Payload(metadata={"encoding": b"json/plain", "note": b"kept"}, data=text.encode())


def changed(sealed: Payload, place: int) -> Payload:
    data = bytearray(sealed.data)
    data[place] ^= 1
    return Payload(metadata=sealed.metadata, data=bytes(data))


# --- there and back -------------------------------------------------------------------------------


async def test_a_payload_comes_back_as_it_was_and_shows_nothing_on_the_way() -> None:
    ring = codec(NEW)
    (sealed,) = await ring.encode([payload()])
    assert CANARY.encode() not in sealed.SerializeToString()
    assert b"kept" not in sealed.SerializeToString()
    assert await ring.decode([sealed]) == [payload()]


async def test_what_says_how_to_read_it_stays_in_clear() -> None:
    (sealed,) = await codec(NEW).encode([payload()])
    assert dict(sealed.metadata) == {
        "encoding": b"binary/encrypted",
        "encryption-cipher": b"AES-256-GCM",
        "encryption-key-id": b"2026-11",
    }


async def test_the_same_payload_never_looks_the_same_twice() -> None:
    first, second = await codec(NEW).encode([payload(), payload()])
    assert first.data != second.data


async def test_what_was_never_encrypted_stays_readable() -> None:
    assert await codec(NEW).decode([payload()]) == [payload()]


async def test_an_empty_payload_comes_back_too() -> None:
    ring = codec(NEW)
    assert await ring.decode(await ring.encode([Payload()])) == [Payload()]


# --- rotation -------------------------------------------------------------------------------------


async def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    before, during, after = codec(OLD), codec(OLD, NEW), codec(NEW, OLD)
    (old,) = await before.encode([payload()])
    (still,) = await during.encode([payload()])
    (new,) = await after.encode([payload()])
    assert [each.metadata[KEY_NAME] for each in (old, still, new)] == [
        b"2025-05",
        b"2025-05",
        b"2026-11",
    ]
    assert await after.decode([old, still, new]) == [payload()] * 3
    assert await during.decode([new]) == [payload()]


async def test_an_unknown_key_is_named() -> None:
    (old,) = await codec(OLD).encode([payload()])
    with pytest.raises(Undecipherable, match="2025-05"):
        await codec(NEW).decode([old])


async def test_a_name_that_cannot_be_ours_is_not_repeated() -> None:
    strange = Payload(metadata={"encoding": b"binary/encrypted", KEY_NAME: b"\x1b[2J" + b"x" * 999})
    with pytest.raises(Undecipherable, match="unreadable name") as refused:
        await codec(NEW).decode([strange])
    assert "x" * 60 not in str(refused.value)


# --- tampering ------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 11, 12, -17, -1], ids=str)
async def test_a_changed_bit_anywhere_is_refused(place: int) -> None:
    ring = codec(NEW)
    (sealed,) = await ring.encode([payload()])
    with pytest.raises(Undecipherable, match="2026-11") as refused:
        await ring.decode([changed(sealed, place)])
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("length", [0, 11, 12, 27], ids=str)
async def test_a_payload_cut_short_is_refused(length: int) -> None:
    ring = codec(NEW)
    (sealed,) = await ring.encode([payload()])
    short = Payload(metadata=sealed.metadata, data=sealed.data[:length])
    with pytest.raises(Undecipherable):
        await ring.decode([short])


async def test_the_name_of_the_key_cannot_be_changed() -> None:
    same = OLD.partition(":")[2]
    ring = codec(f"one:{same}", f"other:{same}")
    (sealed,) = await ring.encode([payload()])
    sealed.metadata[KEY_NAME] = b"other"
    with pytest.raises(Undecipherable, match="other"):
        await ring.decode([sealed])


async def test_another_key_under_the_same_name_is_refused() -> None:
    (sealed,) = await codec(new_key("k")).encode([payload()])
    with pytest.raises(Undecipherable, match="another key had that name"):
        await codec(new_key("k")).decode([sealed])


# --- keys -----------------------------------------------------------------------------------------


def test_keys_are_read_in_order_and_shown_to_nobody() -> None:
    keys = read_keys(SecretStr(f" {OLD} ,\n{NEW},"))
    assert list(keys) == ["2025-05", "2026-11"]
    assert all(isinstance(key, SecretBytes) for key in keys.values())
    assert OLD.partition(":")[2] not in repr(keys)
    assert OLD.partition(":")[2] not in repr(vars(EncryptionCodec(keys)))


def test_keys_in_the_alphabet_of_web_addresses_are_read_too() -> None:
    key = bytes(range(224, 256))
    plain, safe = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    assert plain != safe
    for text in (plain, safe):
        assert read_keys(SecretStr(f"k:{text}"))["k"].get_secret_value() == key


SECRET = "c2VjcmV0LWJ1dC1tdWNoLXRvby1zaG9ydA=="


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",", "there is no key in it"),
        (SECRET, "entry 1 is not name:key"),
        (f"{NEW},{SECRET}:", "entry 2 is not name:key"),
        (f"na me:{SECRET}", "entry 1 is not name:key"),
        (f"k:{SECRET}", "the key k has 25 bytes, not 32"),
        (f"k:{SECRET}!", "the key k is not Base64"),
        (f"{NEW},{NEW}", "the name 2026-11 is given twice"),
    ],
    # The keys are new each time: a test named after one would not be the same in two processes.
    ids=["nothing", "no name", "no key", "odd name", "too short", "not Base64", "twice"],
)
def test_keys_that_cannot_be_used_are_refused_without_showing_them(text: str, said: str) -> None:
    with pytest.raises(BadKeys, match=re.escape(said)) as refused:
        read_keys(SecretStr(text))
    assert str(refused.value).startswith(VARIABLE)
    assert SECRET.strip("=") not in str(refused.value)
    assert NEW.partition(":")[2] not in str(refused.value)


@slow
def test_the_command_makes_a_key_that_can_be_used() -> None:
    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "invoicing.temporal.encryption", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    made = told("2026-12")
    assert made.returncode == 0
    assert list(read_keys(SecretStr(made.stdout.strip()))) == ["2026-12"]
    for wrong in ((), ("with space",)):
        assert told(*wrong).returncode == 1


# --- the one converter ----------------------------------------------------------------------------


def test_without_keys_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for empty in ("", "  "):
        monkeypatch.setenv(VARIABLE, empty)
        assert invoicing.client.converter() is data_converter
        assert configured() is None


def test_keys_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{new_key('2026-11')}\n")
    monkeypatch.setenv(VARIABLE_FILE, str(file))
    assert invoicing.client.converter().payload_codec is not None
    file.write_text("")
    for name in (str(file), str(tmp_path)):
        monkeypatch.setenv(VARIABLE_FILE, name)
        with pytest.raises(BadKeys, match="file"):
            invoicing.client.converter()


def test_keys_that_cannot_be_used_are_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(BadKeys):
        invoicing.client.converter()


async def test_requests_and_the_words_of_failures_are_encrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, NEW)
    converter = invoicing.client.converter()
    request = an_invoice("INV-1")
    (sealed,) = await converter.encode([request])
    assert request.document.buyer.name.encode() not in sealed.SerializeToString()
    assert await converter.decode([sealed], [type(request)]) == [request]

    failure = Failure()
    await converter.encode_failure(ApplicationError(CANARY, CANARY, type="Rejected"), failure)
    assert CANARY.encode() not in failure.SerializeToString()
    assert failure.application_failure_info.type == "Rejected"
    again = await converter.decode_failure(failure)
    assert isinstance(again, ApplicationError)
    assert (again.message, again.details) == (CANARY, (CANARY,))


async def test_who_has_no_keys_is_told_what_is_missing() -> None:
    sealed = await codec(NEW).encode([payload()])
    with pytest.raises(Undecipherable, match=VARIABLE):
        await data_converter.decode(sealed)
