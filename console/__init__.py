"""Pages for the people who decide, served by the gateway under `/console`.

Server-rendered; with script some pages move by themselves, without it all works. What a page shows
or does goes through the gateway's own door, limits and functions; this package finds the words, the
forms and the pictures.
"""
