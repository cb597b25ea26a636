"""What every stand-in is made of."""
