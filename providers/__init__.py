"""A folder per provider, the kit they are made of, and the registry that names them."""
