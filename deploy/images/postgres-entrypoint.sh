#!/bin/sh
# As the original's does: the first start makes the cluster, and a server that listens at its socket
# alone makes the database; then it serves.
set -eu
if [ "$(id -u)" = 0 ]; then
  chown -R postgres:postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?is needed for the first start}"
  user=${POSTGRES_USER:-postgres}
  printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$user" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl --options="-c listen_addresses=''" --wait start
  name=${POSTGRES_DB:-$user}
  [ "$name" = postgres ] || createdb --username="$user" --maintenance-db=postgres "$name"
  pg_ctl --mode=fast --wait stop
fi
exec "$@" -c listen_addresses='*'
