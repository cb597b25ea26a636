# Works with GNU make 3.81 and a plain sh. Everything that is installed or built lives in $(CACHE),
# outside the checkout.

PYTHON ?= python3
ARGS ?=
LIVES ?= 1000
SEED ?= 1
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/durable-invoicing
PINS := requirements.txt requirements-dev.txt
# One environment per set of pins and interpreter: a change of either makes a new one.
KEY = $(shell { cat $(PINS); $(PYTHON) -VV; } 2>/dev/null | cksum | cut -d ' ' -f 1)
# One test process more than cores, for some of what they do is waiting; 8 at most. Each collects all
# tests anew and has Temporal servers of its own: with two more than cores, the whole took longer.
JOBS = $(shell $(PYTHON) -c 'import os; print(min(8, 1 + (os.cpu_count() or 1)))')
# The servers of tests live for minutes: they may keep more garbage, and collect it less often.
TESTS = TESTS_REQUIRE_SERVER=1 GOGC=400 $(RUN) -m pytest -n $(JOBS) --dist worksteal
VENV = $(CACHE)/venv-$(KEY)
RUN = "$(VENV)/bin/python"

# Compiled code is kept, and outside the checkout, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE =
export PYTHONPYCACHEPREFIX = $(CACHE)/pycache

.PHONY: help demo drill playground examples test test-all fuzz prove mutants check fix schemas server worker gateway benchmark setup env resolve clean-cache matrix provider

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: resolve ## watch invoices go through time-outs, a crash and a wrong amount (KEEP=1 leaves it running)
	@$(RUN) starter.py demo $(if $(KEEP),--keep) $(ARGS)

drill: resolve ## bring the deployment up, kill and restore every part of it, compare the ledgers (IN=containers)
	@$(RUN) -m drill $(if $(IN),--in $(IN)) $(ARGS)

playground: resolve ## a server, a stand-in, a worker and a gateway, to call from your own code
	@$(RUN) -m examples.run --keep $(ARGS)

examples: resolve ## have callers in Python, TypeScript, Go and REST ask for invoices (ARGS=go chooses)
	@$(RUN) -m examples.run $(ARGS)

test: resolve ## run the tests (ARGS="-k approval" chooses)
	@$(TESTS) $(ARGS)

test-all: resolve ## run the tests with every fault at every step, or a part of them (PART=3/6)
	@TESTS_THOROUGH=1 TESTS_PART=$(PART) $(TESTS) $(ARGS)

matrix: resolve ## live every fault at every step and write docs/fault-matrix.md: a quarter of an hour
	@GOGC=400 $(RUN) -m tests.matrix docs/fault-matrix.md $(ARGS)

prove: setup ## live so many simulated lives, and try to break every promise (SEED=1 LIVES=2000)
	@$(RUN) -m simulation.prove --seed $(or $(SEED),1) --lives $(or $(LIVES),2000) $(ARGS)

mutants: setup ## damage the guards one at a time: each must be noticed (SAMPLE=8 ONLY=stray)
	@$(RUN) -m simulation.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ONLY),--only "$(ONLY)") $(if $(MINUTES),--minutes $(MINUTES))

fuzz: resolve ## live many drawn lives with workers that are killed (LIVES=1000 SEED=1): half an hour
	@GOGC=400 $(RUN) -m tests.fuzz --lives $(or $(LIVES),1000) --seed $(or $(SEED),1) $(ARGS)

check: setup ## lint, format, types, import rules, and that every mutant fits
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@"$(VENV)/bin/lint-imports"
	@$(RUN) -m simulation.mutants --fit

fix: setup ## mend what lint and format can mend by themselves
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

provider: setup ## lay down a provider, each part of it saying what is to be written (NAME=sage)
	@$(RUN) -m scaffold $(NAME) $(if $(INTO),--into $(INTO))

schemas: setup ## write the JSON Schemas of every input into docs/schemas
	@$(RUN) -m invoicing.schemas docs/schemas
	@$(RUN) -m providers.schemas docs/schemas/options

server: resolve ## run a local Temporal server with web UI, until Ctrl-C
	@$(RUN) -m temporal_server $(ARGS)

worker: setup ## run a worker, until Ctrl-C
	@$(RUN) worker.py $(ARGS)

gateway: setup ## serve REST and webhooks, until Ctrl-C
	@$(RUN) -m gateway

benchmark: resolve ## measure the lifecycle
	@$(RUN) -m benchmarks.lifecycle $(ARGS)

# The stamp comes last, so an interrupted installation is begun anew.
setup: ## install the pinned packages, once
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is missing or older: name another one, as in make PYTHON=python3.12 $(or $(MAKECMDGOALS),test)" >&2; \
	  exit 1; }
	@venv="$(VENV)"; [ -f "$$venv/complete" ] || { set -e; \
	  echo "Making a Python environment in $$venv"; \
	  rm -rf "$$venv"; \
	  $(PYTHON) -m venv "$$venv"; \
	  echo "Installing the pinned packages: about half a minute, this once"; \
	  "$$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
	    $(foreach file,$(PINS),-r $(file)); \
	  "$$venv/bin/python" -m pip --disable-pip-version-check check; \
	  : > "$$venv/complete"; }

env: setup ## print the line that has a terminal's `python` find these packages
	@echo '. "$(VENV)/bin/activate"'

resolve: setup ## find, download or build the Temporal server, once
	@$(RUN) -m temporal_server --resolve > /dev/null

clean-cache: ## remove the environments, the Temporal server and its database
	rm -rf "$(CACHE)"
