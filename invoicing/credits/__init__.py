"""Credits: what is asked, what is left, and the document of a credit note."""
