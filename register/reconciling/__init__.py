"""What a provider lists, held against the register, and what was found."""
