# What a newcomer needs is `make demo` and `make test`; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: help demo test check docs format lock bench-relay clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

demo: ## Start a daemon and sign in to the terminal client (ARGS=--headless prints a transcript)
	@PYTHON=$(PYTHON) ops/setup run
	@$(BIN)/python ops/demo $(ARGS)

test: ## Install what the tests need, and run them all
	@PYTHON=$(PYTHON) ops/setup test
	@ops/test-programs
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered -q $(ARGS)

check: ## Formatting, lint, types, import contracts, generated pages, shell scripts
	@PYTHON=$(PYTHON) ops/setup test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	@ops/check-scripts

docs: ## Write the pages that are generated from code
	@PYTHON=$(PYTHON) ops/setup run
	$(BIN)/python docs/generate.py

format: ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Pin the newest versions within the ranges of pyproject.toml, with hashes
	ops/lock

bench-relay: ## Measure durable relays on this machine
	@PYTHON=$(PYTHON) ops/setup test
	$(BIN)/python ops/bench relay $(ARGS)

clean: ## Remove the virtual environment, the demo's data and caches
	rm -rf .venv .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
