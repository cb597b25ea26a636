"""Who proves people to the gateway: an OpenID Connect issuer, and what its roles may do here.

`GATEWAY_ISSUER_…` says where the issuer is and what we are there. `GATEWAY_ROLE__FINANCE__MAY`
belongs to the role `finance`, by the rules of accounts: whoever has one of its values in the
issuer's claim may do that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from invoicing.model import Typed
from providers.kit.http import BaseUrl
from settings import variables
from settings.accounts import each
from settings.callers import Accounts, May, References, refuse_limited_decrypting
from settings.variables import BadSettings, Problems, Variables

ISSUER = "GATEWAY_ISSUER_"
_ROLE = "gateway_role"
ROLES = f"{_ROLE.upper()}__"
_VALUE = re.compile(r"[!-+\--~]{1,200}")
_base_url: TypeAdapter[str] = TypeAdapter(BaseUrl)

Plain = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,500}$")]


def _address(value: str) -> str:
    # As it stands: tokens are compared with it to the letter, a slash at its end included.
    _base_url.validate_python(value)
    return value


def _values(value: Any) -> Any:
    listed = [one.strip() for one in value.split(",")] if isinstance(value, str) else value
    if not all(isinstance(one, str) and _VALUE.fullmatch(one) for one in listed):
        raise ValueError("must be values of the issuer's claim, with commas between")
    return listed


class IssuerSettings(Variables):
    """See the module.

    name: what people of this issuer are called by here: `acme` makes the caller `acme:<sub>`.
    url: the issuer, as its tokens have it in `iss`; below it is its discovery document.
    client_id, client_secret: what the console is there. Without an id nobody signs in at the
        console by the issuer; without a secret PKCE alone proves who redeems a code.
    console: where people reach this gateway; the issuer sends them back below it.
    audience: what access tokens for REST have in `aud`. Without one they are not taken.
    claim: where a token says somebody's roles; `realm_access.roles` is the part `roles` of it.
    ask: scopes that are asked for when somebody signs in, `openid` included.
    minutes: after which somebody is sent to the issuer again, however busy they are.
    """

    model_config = SettingsConfigDict(env_prefix=ISSUER)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    url: Annotated[str, AfterValidator(_address)]
    client_id: Plain | None = None
    client_secret: SecretStr | None = None
    console: BaseUrl | None = None
    audience: Plain | None = None
    claim: Plain = "roles"
    ask: Annotated[str, StringConstraints(pattern=r"^[!-~]+( [!-~]+)*$", max_length=500)] = "openid"
    minutes: Annotated[int, Field(ge=1, le=720)] = 60

    @model_validator(mode="after")
    def _says_what_for(self) -> Self:
        if self.client_id is None and self.audience is None:
            raise ValueError("client_id (for the console) or audience (for REST) is needed")
        if (self.client_id is None) != (self.console is None):
            raise ValueError("client_id and console are needed together")
        if self.client_id == self.audience:
            # Whoever gets an ID token could pass it off as an access token.
            raise ValueError("audience must be another one than client_id")
        if "openid" not in self.ask.split():
            raise ValueError("ask must have openid among its scopes")
        return self


class RoleSettings(Typed):
    """One role.

    values: those of the issuer's claim that give it.
    may, accounts, references: as a caller has them.
    """

    values: Annotated[tuple[str, ...], BeforeValidator(_values), Field(min_length=1)]
    may: May
    accounts: Accounts = ()
    references: References = ()

    @model_validator(mode="after")
    def _decrypts_without_limits(self) -> Self:
        refuse_limited_decrypting(self.may, self.accounts, self.references, of="a role")
        return self


class PeopleSettings(Typed):
    """An issuer and its roles, by our name for each."""

    issuer: IssuerSettings
    roles: dict[str, RoleSettings]


def read(environment: Mapping[str, str]) -> PeopleSettings | None:
    """From these variables and no others; None where there is no issuer.

    BadSettings names every one that is wrong; roles without an issuer, and an issuer without roles,
    are wrong too.
    """
    problems: Problems = {}
    roles = each(RoleSettings, _ROLE, environment, problems, "role")
    told = {name for name, value in environment.items() if value.strip()}
    if not any(name.startswith(ISSUER) for name in told):
        if roles:
            problems[f"{ISSUER}URL"] = "is missing: there are roles"
        if problems:
            raise BadSettings(problems)
        return None
    if not roles and not problems:
        problems[f"{ROLES}…__VALUES"] = "must name a role: nobody of the issuer may come in"
    unread = variables.unread(environment, ISSUER, IssuerSettings)
    issuer = variables.read(IssuerSettings, environment, problems | unread)
    return PeopleSettings(issuer=issuer, roles=roles)
