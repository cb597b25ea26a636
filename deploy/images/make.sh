#!/usr/bin/env bash
# Makes the images that docker-compose.yml and the Dockerfile name, for an engine that cannot pull them:
#
#     deploy/images/make.sh
#
# From Debian's packages and the servers' own Go modules, under the same names. They are not the
# originals: each says so in its label `invoicing.made-here`, and the last lines say what differs. An
# image that the engine has from elsewhere is left alone. Where `docker compose` is missing, it is built
# from its own module, too. The first time takes a quarter of an hour of CPU; 2 GB are kept in CACHE.
#
# Needs: root, docker, go as new as the servers ask for (1.26), python3 with pip, and Debian's packages
# mmdebstrap and busybox-static.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/durable-invoicing}/images
PYTHON=${PYTHON:-python3}
COMPOSE_MODULE=github.com/docker/compose/v2@v2.40.3
LABEL=invoicing.made-here
KEY=invoicing.made-of

say() { printf '%s\n' "$*" >&2; }
die() { say "make.sh: $*"; exit 1; }

needed() {
  [ "$(id -u)" = 0 ] || die "a Debian system is laid down by root alone"
  for program in docker go "$PYTHON" mmdebstrap busybox; do
    command -v "$program" > /dev/null ||
      die "$program is missing: see what this needs, at its head"
  done
  docker info > /dev/null 2>&1 || die "no container engine answers: see DOCKER_HOST"
}

# named postgres → postgres:16.15, as compose or the Dockerfile has it.
named() {
  grep -hoE "(image: |^FROM )$1:[^ ]+" "$root/docker-compose.yml" "$root/Dockerfile" |
    head -n 1 | sed -E 's/^(image: |FROM )//'
}

# built MODULE PACKAGE NAME: a program of a Go module, without C.
built() {
  local kept="$CACHE/bin/${1##*@}-$3"
  if [ ! -x "$kept" ]; then
    say "building $3 of $1"
    (cd "$(module "$1")" && CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath" \
      nice -n 10 go build -ldflags "-s -w" -o "$kept" "$2")
  fi
  printf '%s' "$kept"
}

# module MODULE@VERSION: where its source is.
module() {
  go mod download -json "$1" | sed -nE 's/^\t"Dir": "(.*)",$/\1/p'
}

# debian NAME PACKAGES: a small Debian system with these packages, as NAME.tar.
debian() {
  local kept="$CACHE/$1-$2.tar"
  if [ ! -f "$kept" ]; then
    say "laying down Debian with $2"
    mmdebstrap --quiet --variant=minbase --include="$2" --dpkgopt=force-unsafe-io \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$kept.part.tar"
    mv "$kept.part.tar" "$kept"
  fi
  printf '%s' "$kept"
}

# image NAME WHAT FILES…: WHAT.Dockerfile, with these files beside it, under that name.
image() {
  local name=$1 what=$2 key said
  shift 2
  key=$(cat "$here/$what.Dockerfile" "$@" | cksum | cut -d ' ' -f 1)
  if said=$(docker image inspect --format "{{index .Config.Labels \"$KEY\"}}" "$name" 2> /dev/null); then
    [ -n "$said" ] || { say "$name is there, from elsewhere"; return; }
    [ "$said" != "$key" ] || return 0
  fi
  local context="$CACHE/context-$what"
  rm -rf "$context" && mkdir -p "$context"
  cp -l "$@" "$context/" 2> /dev/null || cp "$@" "$context/"
  say "making $name"
  DOCKER_BUILDKIT=0 docker build --quiet --force-rm --label "$KEY=$key" --tag "$name" \
    --file "$here/$what.Dockerfile" "$context" > /dev/null
  rm -rf "$context"
}

# The pinned packages, for Debian's Python: an image may be built where there is no network.
wheels() {
  local kept
  kept="$CACHE/wheels-$(cksum < "$root/requirements.txt" | cut -d ' ' -f 1).tar"
  if [ ! -f "$kept" ]; then
    say "fetching the pinned packages"
    rm -rf "$CACHE/wheels" && mkdir "$CACHE/wheels"
    "$PYTHON" -m pip download --quiet --no-deps --only-binary :all: --dest "$CACHE/wheels" \
      --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
      --platform manylinux_2_34_x86_64 --platform manylinux_2_28_x86_64 \
      --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
      --requirement "$root/requirements.txt"
    tar -C "$CACHE" -cf "$kept.part" wheels && mv "$kept.part" "$kept"
  fi
  printf '%s' "$kept"
}

compose() {
  docker compose version > /dev/null 2>&1 && return
  local plugins="$HOME/.docker/cli-plugins" program
  program=$(built "$COMPOSE_MODULE" ./cmd docker-compose)
  mkdir -p "$plugins"
  ln -sf "$program" "$plugins/docker-compose"
}

needed
mkdir -p "$CACHE/bin"
compose
server=$(named temporalio/server) ui=$(named temporalio/ui) admin=$(named temporalio/admin-tools)
postgres=$(named postgres) python=$(named python)
temporal=go.temporal.io/server@v${server##*:}
web=github.com/temporalio/ui-server/v2@v${ui##*:}
box=$(command -v busybox)

cp -f "$(debian python python3,python3-pip,ca-certificates)" "$CACHE/python.tar"
cp -f "$(wheels)" "$CACHE/wheels.tar"
image "$python" python "$CACHE/python.tar" "$CACHE/wheels.tar"
cp -f "$(debian postgres postgresql)" "$CACHE/postgres.tar"
image "$postgres" postgres "$CACHE/postgres.tar" "$here/postgres-entrypoint.sh"
cp -f "$(built "$temporal" ./cmd/tools/sql temporal-sql-tool)" "$CACHE/bin/temporal-sql-tool"
image "$admin" temporal-admin-tools "$box" "$CACHE/bin/temporal-sql-tool"
cp -f "$(built "$temporal" ./cmd/server temporal-server)" "$CACHE/bin/temporal-server"
image "$server" temporal-server "$box" "$CACHE/bin/temporal-server" "$here/nc.sh" \
  "$(module "$temporal")/docker/scripts/sh/entrypoint.sh"
cp -f "$(built "$web" ./cmd/server ui-server)" "$CACHE/bin/ui-server"
image "$ui" temporal-ui "$box" "$CACHE/bin/ui-server" "$(module "$web")/config/docker.yaml"

for each in "$python" "$postgres" "$admin" "$server" "$ui"; do
  docker image inspect --format "$each: {{index .Config.Labels \"$LABEL\"}}" "$each"
done
