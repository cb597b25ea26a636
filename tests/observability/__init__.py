"""What can be watched, and that it shows nobody."""
