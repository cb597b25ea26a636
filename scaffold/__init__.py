"""Lays down a provider: every file and every row that one needs, each of which says what is to be
written there. `make provider NAME=sage`; docs/adding-a-provider.md goes through them.

What is left to be written is marked `TO WRITE:` and a sentence. A test lists every mark there is.
"""
