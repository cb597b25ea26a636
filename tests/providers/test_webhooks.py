from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import JsonValue, SecretStr, ValidationError

from invoicing.errors import Forged, Unreadable
from invoicing.provider import Delivery, Event, Hooks, Notifies
from providers.kit import webhooks
from providers.kit.webhooks import (
    as_base64,
    as_hex,
    check_age,
    digest,
    fits,
    members,
    moment,
    named,
)
from providers.registry import ADAPTORS
from tests.providers import Script

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
BODY = b'{"a": 1}'
OLD, NEW = SecretStr("old"), SecretStr("new")


def mac(secret: str) -> bytes:
    return hmac.new(secret.encode(), BODY, hashlib.sha256).digest()


def test_a_signature_fits_under_any_secret_in_any_spelling_asked_for() -> None:
    for secret in ("old", "new"):
        assert fits(BODY, [mac(secret).hex()], [OLD, NEW])
        assert fits(BODY, ["", mac(secret).hex()], [OLD, NEW])
        spelt = b64encode(mac(secret)).decode()
        assert fits(BODY, [spelt], [OLD, NEW], as_hex, as_base64)
        assert not fits(BODY, [spelt], [OLD, NEW])


def test_nothing_else_fits() -> None:
    good = mac("new").hex()
    assert not fits(BODY + b" ", [good], [NEW])
    assert not fits(BODY, [], [NEW])
    assert not fits(BODY, [good], [])
    assert not fits(BODY, [mac("").hex()], [SecretStr("")])
    for bad in ("", good[:-1], good + "0", good.upper(), "ü"):
        assert not fits(BODY, [bad], [NEW]), bad


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^Canary: a webhook"):
        webhooks.parsed("Canary", body)


def test_a_body_is_kept_as_it_came() -> None:
    body = webhooks.parsed("Canary", b'{"a": {"b": [1, 2.5, null, "\\u00fc"]}}')
    assert body == {"a": {"b": [1, 2.5, None, "ü"]}}
    assert Event.model_validate_json(Event(id="1", body=body).model_dump_json()).body == body


def test_only_what_is_too_old_is_refused() -> None:
    limit = timedelta(hours=1)
    for at in (None, NOW, NOW - limit, NOW + timedelta(days=1)):
        check_age("Canary", at, NOW, limit)
    with pytest.raises(Forged):
        check_age("Canary", NOW - limit - timedelta(seconds=1), NOW, limit)


def test_a_moment_without_an_offset_is_one_in_utc() -> None:
    assert moment("2026-06-30T12:00:00") == moment("2026-06-30T14:00:00+02:00") == NOW
    values: list[JsonValue] = ["soon", 7, None, {}]
    assert [moment(value) for value in values] == [None] * 4


def test_a_digest_depends_on_every_part_and_where_it_ends() -> None:
    assert digest("a", "b") == digest(b"a", b"b")
    assert len({digest("a", "b"), digest("ab"), digest("b", "a"), digest("a", "b", "")}) == 4
    assert len(digest(b"x" * 10_000)) <= 200


def test_the_parts_of_one_body_are_named_as_if_each_were_alone() -> None:
    assert [*webhooks.digests(b"body", 3)] == [digest(b"body", str(one)) for one in range(3)]
    assert [*webhooks.digests(b"body", 0)] == []


@pytest.mark.parametrize("secret", ["s", "short-of-sixteen", "a" * 40, "abab" * 10])
def test_a_secret_that_could_be_tried_out_is_refused_without_being_shown(secret: str) -> None:
    told = secret if secret != "short-of-sixteen" else secret[:-1]
    for name, good in SETTINGS.items():
        with pytest.raises(ValidationError, match="at least 16 characters") as caught:
            ADAPTORS[name].Settings.model_validate({**good, "webhook_secrets": f"{OTHER}, {told}"})
        assert told not in str(caught.value) or len(told) < 3


OTHER = "0123456789abcdef"


def test_names_and_members_that_are_none_are_left_out() -> None:
    assert named("b", None, "a", 7, "", "b") == ("b", "a")
    assert named("x" * 256, "y" * 255) == ("y" * 255,)
    assert len(named(*map(str, range(1000)))) == 50
    body: dict[str, Any] = {"a": {"b": {"c": 1}}, "d": 7}
    assert members(body, "a", "b") == {"c": 1}
    assert members(body, "d", "b") == members(body, "x") == {}


SECRETS = "new!-0123456789abcdef, old!-0123456789abcdef"
SETTINGS: dict[str, dict[str, Any]] = {
    "invoro": {"api_key": "ak_live_canary"},
    "mollie": {"token": "test_canary"},
    "zero_friction": {
        "client_id": "client",
        "client_secret": "canary-secret",
        "subscription_key": "canary-secret",
        "tenant_id": "tenant",
        "organisation_id": "organisation",
    },
}
HEADERS = {
    "invoro": "x-signature-sha256",
    "mollie": "x-mollie-signature",
    "zero_friction": "x-webhook-signature-256",
}
BODIES = {
    "invoro": b'{"event": "invoice.sent", "timestamp": "2026-06-30T11:59:00Z", "id": "Person-1"}',
    "mollie": b'{"resource": "event", "id": "event_1", "type": "hook.ping", "by": "Person"}',
    "zero_friction": b'{"_type": "invoiceavailable", "invoiceId": "Person-1"}',
}


def hooked(name: str, **settings: Any) -> Hooks:
    adaptor = ADAPTORS[name]
    made = adaptor(adaptor.Settings.model_validate(SETTINGS[name] | settings), Script().client())
    assert isinstance(made, Notifies)
    assert isinstance(made, Hooks)
    return made


def delivery(name: str, body: bytes, secret: str) -> Delivery:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivery(headers={HEADERS[name]: f"sha256={signature}"}, body=body, received=NOW)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_adaptor_believes_a_webhook_under_any_of_its_secrets(name: str) -> None:
    hooks = hooked(name, webhook_secrets=SECRETS)
    (new,) = hooks.receive(delivery(name, BODIES[name], "new!-0123456789abcdef"))
    assert hooks.receive(delivery(name, BODIES[name], "old!-0123456789abcdef")) == (new,)
    assert new.body == webhooks.parsed(name, BODIES[name])


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_no_adaptor_believes_anything_else(name: str) -> None:
    good = delivery(name, BODIES[name], "new!-0123456789abcdef")
    tampered = good.model_copy(update={"body": good.body.replace(b"Person", b"person")})
    unsigned = good.model_copy(update={"headers": {}})
    elsewhere = good.model_copy(update={"headers": {"x-signature": good.headers[HEADERS[name]]}})
    for one in (tampered, unsigned, elsewhere, delivery(name, good.body, "other")):
        with pytest.raises(Forged) as caught:
            hooked(name, webhook_secrets=SECRETS).receive(one)
        assert "Person" not in str(caught.value)
        assert "!" not in str(caught.value)
    for secrets in ("", " , "):
        for secret in ("new!-0123456789abcdef", ""):
            with pytest.raises(Forged):
                hooked(name, webhook_secrets=secrets).receive(delivery(name, good.body, secret))


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_signed_body_that_nobody_understands_is_unreadable(name: str) -> None:
    for body in (b"", b"[]", b"id=tr_1", b'{"a": NaN}'):
        with pytest.raises(Unreadable):
            hooked(name, webhook_secrets=SECRETS).receive(
                delivery(name, body, "new!-0123456789abcdef")
            )
