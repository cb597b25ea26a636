"""Those on our side of one life: who asks, who is asked, and who interferes."""
