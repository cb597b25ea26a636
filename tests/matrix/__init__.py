"""The fault matrix: every provider set-up × step × fault × before and after the commit, lived.

    python -m tests.matrix docs/fault-matrix.md

lives one life per cell (of credits, one for several that lead to the same) on a real Temporal
server and over real HTTP, and writes what was seen in each. What a life is and what it should come
to stands with the tests of faults; nothing here is drawn by chance, so one commit always gives the
same page.

cells       what there is to be lived, taken from the tables of the tests
seen        what was seen of one life, in a few words
page        the page: how it is written, and how it is read again
"""
