"""What workflows remember of an invoice and of an order, and what they show of it."""
