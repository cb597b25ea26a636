# In place of python:…-slim-bookworm; see make.sh.
FROM scratch
LABEL invoicing.made-here="Debian bookworm with its own CPython 3.11; has the pinned packages in it, which pip takes from there alone"
ADD python.tar wheels.tar /
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_ROOT_USER_ACTION=ignore
# The original's Python is its own, where pip may install.
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python
CMD ["python"]
