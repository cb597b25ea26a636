"""A seventh provider, laid down by `make provider` and filled in. Inkwell is invented."""
