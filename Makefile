# The points mall's commands. `make` alone lists them.

PYTHON ?= python3
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app wsgi
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -q

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run reset test quick check lint bench soak fmt messages migration requirements

help: ## List these targets.
	@echo "make TARGET, one of:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.runtime ## Serve the demo at http://127.0.0.1:5000 (PORT=8000 changes it); data is made once and kept.
	@PORT=$(PORT) $(FLASK) demo

reset: ## Throw the demo's data away; the next `make run` starts over.
	@test -z "$$DATABASE_URL" || { echo "DATABASE_URL is set: drop that database yourself."; exit 1; }
	@test -z "$$INSTANCE_DIR" || { echo "INSTANCE_DIR is set: remove that folder yourself."; exit 1; }
	@rm -rf instance
	@echo "The demo's data is gone."

test: $(VENV)/.tests ## Run the whole suite by parts, and say how long each took.
	@$(BIN)/python tests/run.py

quick: $(VENV)/.tests ## Run the pure tests and the domain on SQLite: under a minute.
	@$(BIN)/python tests/run.py base domain

check: lint ## What `make lint` does, then the plan of the house and migrations in step.
	@$(BIN)/pytest -n 2 tests/test_architecture.py tests/test_migrations.py

lint: $(VENV)/.tests ## Lint, types, no floats, requirements and catalogues in step.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/djlint templates --lint --quiet
	@$(BIN)/python tests/check/no_floats.py
	@$(BIN)/python tests/check/requirements.py
	@$(BIN)/python tests/check/messages.py

bench: $(VENV)/.tests ## Measure pages, orders, redeeming, refunds, webhooks, memory and start; prints a table.
	@$(BIN)/python -m benchmarks.run

soak: $(VENV)/.tests ## Run the property tests with 50 times as many examples, and every crash by itself.
	@SOAK=50 $(BIN)/pytest -m soak

fmt: $(VENV)/.tests ## Format the code.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

messages: $(VENV)/.tests ## Collect the texts, bring the catalogues up to date and compile them.
	@$(BIN)/python tests/check/messages.py --write

migration: $(VENV)/.tests ## Write a migration for what the tables have become: make migration m="what changed".
	@test -n "$(m)" || { echo 'Say what changed: make migration m="coupons have a colour"'; exit 1; }
	@$(BIN)/python migrations/write.py "$(m)"

requirements: ## Pin the requirements anew from pyproject.toml (needs uv).
	@$(COMPILE) pyproject.toml -o requirements.txt
	@$(COMPILE) --group tests -c requirements.txt -o tests/requirements.txt

# The virtual environment, made when missing and brought up to date when the requirements change.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3.12 chooses one."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "Python cannot make a virtual environment; on Debian: apt install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing the requirements ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime tests/requirements.txt
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@
