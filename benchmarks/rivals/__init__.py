"""What somebody would pick instead: the same invoices, the same adaptor, other engines."""
