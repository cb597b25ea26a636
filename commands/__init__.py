"""The command line: one module per group of commands. `starter.py` puts them together."""
