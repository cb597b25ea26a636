"""One file per revision, the first one first."""
