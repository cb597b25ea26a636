"""Inkwell: what an account is configured with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invoicing.model import Typed
from providers.kit.http import BaseUrl, HeaderSecret

NAME = "Inkwell"


class InkwellSettings(Typed):
    """One account: `INKWELL_TOKEN`, or `INKWELL__<ACCOUNT>__TOKEN`."""

    base_url: BaseUrl = "https://api.inkwell.example"
    token: HeaderSecret
    timeout: Annotated[float, Field(gt=0, le=25)] = 20.0
    """Seconds for one exchange; a plan that says nothing else gives a verb 30."""

    def headers(self) -> dict[str, str]:
        """Those of every call."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}
