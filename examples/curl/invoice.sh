#!/bin/sh
# Start an invoice over REST, and get what becomes of it:
#
#   GATEWAY=http://127.0.0.1:8080 TOKEN=... sh examples/curl/invoice.sh sandbox/examples/invoice.json
#
# $GATEWAY/openapi.json describes every request and answer.
set -eu
reference=$(sed -n 's/.*"reference": *"\([^"]*\)".*/\1/p' "$1" | head -n 1)
ask() {
  curl --silent --show-error --fail-with-body --max-time 40 -H "Authorization: Bearer $TOKEN" "$@"
  echo
}

# Start it, as often as you like: one reference is one invoice. Other content is refused with 409.
ask "$GATEWAY/v1/invoices" -H 'Content-Type: application/json' --data-binary "@$1"
# Where it is now. "problem" says what a person is asked, and what they may answer.
ask "$GATEWAY/v1/invoices/$reference"
# Wait for its end, here up to 5 seconds. "ended" false: ask again; "failure": why there is none.
ask "$GATEWAY/v1/invoices/$reference/result?wait=5"
