#!/bin/sh
# `nc -z HOST PORT` as Alpine's busybox has it, and Debian's has not: whether somebody listens there.
[ "$1" = -z ] && shift
exec busybox nc -w 2 "$@" -e true
