# Everything a person types. Each target works from an empty clone: it builds .venv itself, once.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
# The first Python of 3.11 or newer, those that were tried before newer ones; PYTHON=/path/to/python3 names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python3.15; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

.PHONY: run test check fix docs translations help

run: $(READY) ## start everything with invented people: http://127.0.0.1:8000
	@$(BIN)/python -m reporting.translate compile
	@exec $(BIN)/upstander run --demo

test: $(READY) ## check and test everything; T=tests/casework runs one path only
	@$(BIN)/python -m reporting.translate compile
	@$(BIN)/python -m tests.parts $(T)

check: $(READY) ## lint, format, types, import contracts, translations
	@$(BIN)/python -m tests.parts --check

fix: $(READY) ## repair what can be repaired: lint and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(READY) ## write again what is generated into docs/
	@$(BIN)/python -m tests.generate

translations: $(READY) ## collect the visible strings, update the catalogues, compile them
	@$(BIN)/python -m reporting.translate

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "upstander: Python 3.11 or newer is needed; PYTHON=/path/to/python3 names one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "upstander: $(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "building .venv from requirements.lock (once)"
	@$(BIN)/python -c '' 2>/dev/null || rm -rf .venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
# Built packages only: what pip fetches to build one from source, no hash of ours covers.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements.lock || \
		{ echo "upstander: requirements.lock could not be installed for $$($(BIN)/python --version) on $$(uname -sm), pip says why above; README, 'Two commands', says where it runs; rm -r .venv, then PYTHON=/path/to/python3 takes another" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
