"""The store of documents."""
