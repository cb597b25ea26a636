"""What is promised, and who sees whether it holds in one life."""
