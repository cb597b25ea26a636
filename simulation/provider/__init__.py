"""The provider of one life, as the port describes providers: what it holds, says and does."""
