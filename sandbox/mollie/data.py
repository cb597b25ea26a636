"""Who may call the stand-in for Mollie, and what is there from the start. All of it is made up."""

from __future__ import annotations

TEST_KEY = "test_SandboxKeyOfNoWorthForTestsOnly"
LIVE_KEY = "live_SandboxKeyOfNoWorthForTestsOnly"
ORGANISATION_TOKEN = "access_SandboxTokenOfNoWorthForTestsOnly"  # noqa: S105
READ_ONLY_TOKEN = "access_SandboxTokenOfNoWorthThatOnlyReads"  # noqa: S105
PROFILE = "pfl_SandboxOne"
OTHER_PROFILE = "pfl_SandboxTwo"
CUSTOMER = "cst_Sandbox"
MANDATE = "mdt_Sandbox"

MODES = {TEST_KEY: "test", LIVE_KEY: "live"}
