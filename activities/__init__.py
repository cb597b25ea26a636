"""One durable step per provider call."""
