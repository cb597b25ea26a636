"""What an adaptor needs to believe a webhook, and to read it once it does.

The schemes differ in header and spelling; all of them are an HMAC-SHA256 of the body exactly as it
came. So nothing is parsed before the signature fits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BeforeValidator, JsonValue, SecretStr

from invoicing.density import too_dense
from invoicing.errors import Forged, Unreadable

MOST_KIND = 100
"""Characters that an event's kind may have."""
MOST_NAME = 255
"""Characters of a name by which an invoice may be known: a document's number has no more."""
MOST_NAMES = 50
"""Of one event. An invoice beyond that is not told; it is looked at in its turn all the same."""


def _listed(value: Any) -> Any:
    return (
        [one for one in value.replace(",", " ").split() if one] if isinstance(value, str) else value
    )


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)]
"""Those in force, separated by commas: more than one while a secret is being changed."""

LEAST_SECRET = 16
"""Characters of a secret: with fewer, who has seen one webhook could try them all."""


def _long_enough(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    told = [one.get_secret_value() for one in secrets]
    if not all(len(one) >= LEAST_SECRET and len(set(one)) > LEAST_DIFFERENT for one in told):
        raise ValueError(
            f"each must have at least {LEAST_SECRET} characters that are not all alike: it is what "
            "the provider signs with"
        )
    return secrets


LEAST_DIFFERENT = 4
"""As many different characters a secret has to exceed."""
WebhookSecrets = Annotated[Secrets, AfterValidator(_long_enough)]
"""What a provider signs its webhooks with."""

Body = dict[str, JsonValue]


def as_hex(mac: bytes) -> bytes:
    """The usual spelling of a signature."""
    return mac.hex().encode()


def as_base64(mac: bytes) -> bytes:
    """The other one."""
    return b64encode(mac)


def fits(
    body: bytes,
    signatures: Iterable[str],
    secrets: Iterable[SecretStr],
    *spellings: Callable[[bytes], bytes],
) -> bool:
    """Whether one of the signatures is the body's, under one secret, in one spelling (hex).

    Every pair is compared in constant time, so that nothing is learnt about the one that fits.
    """
    keys = [secret.get_secret_value().encode() for secret in secrets]
    # An empty secret would be everybody's.
    macs = [hmac.digest(key, body, hashlib.sha256) for key in keys if key]
    known = [spelt(mac) for mac in macs for spelt in spellings or (as_hex,)]
    given = [signature.encode() for signature in signatures]
    pairs = [hmac.compare_digest(one, two) for one in given for two in known]
    return any(pairs)


def forged(provider: str) -> Forged:
    """A signature that is missing or wrong, or an account that knows no secret."""
    return Forged(f"{provider}: a webhook without a signature under a secret of this account")


def check_age(provider: str, at: datetime | None, received: datetime, limit: timedelta) -> None:
    """Forged if it happened longer ago than anybody tries again to deliver it."""
    if at is not None and received - at > limit:
        raise Forged(f"{provider}: a webhook about something too long ago: an old one, repeated?")


def parsed(provider: str, body: bytes) -> Body:
    """The JSON object that the body is, as it came; Unreadable if it is anything else."""
    try:
        text = body.decode()
        if dense := too_dense(text):
            raise Unreadable(f"{provider}: a webhook that holds {dense}")
        value = json.loads(text, parse_float=_finite, parse_constant=_not_json)
        # Half a surrogate pair is JSON, and cannot be written down.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Unreadable(f"{provider}: a webhook whose body is not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{provider}: a webhook whose body is no JSON object")
    return value


def digest(*parts: bytes | str) -> str:
    """A name for what has none of its own: the same for the same parts."""
    return hashlib.sha256(b"".join(map(_framed, parts))).hexdigest()


def digests(whole: bytes, count: int) -> Iterator[str]:
    """A name for each of so many parts of one body: `digest(whole, "0")` and so on. The body is
    gone through once, however many there are."""
    begun = hashlib.sha256(_framed(whole))
    for place in range(count):
        each = begun.copy()
        each.update(_framed(str(place)))
        yield each.hexdigest()


def _framed(part: bytes | str) -> bytes:
    told = part.encode() if isinstance(part, str) else part
    return b"%d:%b" % (len(told), told)


def moment(value: JsonValue) -> datetime | None:
    """An instant in ISO 8601, in UTC where it says nothing else; None if it is not one."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


def text(value: JsonValue) -> str:
    """The text, shortened to what a kind may have; empty for anything else."""
    return value[:MOST_KIND] if isinstance(value, str) else ""


def members(value: JsonValue, *names: str) -> Body:
    """The object found by going down these names; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def named(*values: JsonValue) -> tuple[str, ...]:
    """Those that are texts, not empty and no longer than a name can be, each once, in their order;
    not more than one event may have."""
    texts = (one for one in values if isinstance(one, str) and 0 < len(one) <= MOST_NAME)
    return tuple(dict.fromkeys(texts))[:MOST_NAMES]


def _finite(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else _not_json(written)


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word[:20]} is not JSON")
