# One image for every process of ours; the command says which. The default is the worker. Stand-ins for
# providers are an image of their own: they let everybody in.
FROM python:3.12.13-slim-bookworm AS production

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin invoicing

WORKDIR /app

# Before the code, so that a change of code does not install the packages again.
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps \
      --requirement requirements.txt \
    && python -m pip --disable-pip-version-check check

COPY invoicing/ invoicing/
COPY providers/ providers/
COPY settings/ settings/
COPY documents/ documents/
COPY activities/ activities/
COPY workflows/ workflows/
COPY gateway/ gateway/
COPY register/ register/
COPY console/ console/
COPY observing/ observing/
COPY commands/ commands/
COPY tabular/ tabular/
COPY rollout/ rollout/
COPY terminal/ terminal/
COPY worker.py starter.py ./

# The process may not write here, so what Python would keep is made now.
RUN python -m compileall -q .

USER invoicing

HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
  CMD ["python", "-m", "commands.health", "worker"]

CMD ["python", "worker.py"]

FROM production AS stand-ins

USER root
COPY sandbox/ sandbox/
# Where their books are kept; a volume that is mounted there begins as this folder is.
RUN python -m compileall -q sandbox \
    && install --directory --owner=invoicing --group=invoicing /kept
USER invoicing

# What `docker build .` makes.
FROM production
