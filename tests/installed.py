"""The command line as it is called where it is installed."""

from __future__ import annotations

AS_INSTALLED = "import sys; sys.argv[0] = '/usr/bin/invoicing'; import starter; starter.main()"
"""A program for `python -c`."""
