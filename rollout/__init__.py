"""Deploys that strand no invoice: every history that runs is replayed before new work goes to new
code, and Temporal's Worker Versioning says which code gets it."""
