# `make` prints what there is. Everything installs what it needs into .venv first.

VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
# As many at once as there are cores, four at most; each has databases of its own.
PYTEST = $(BIN)/python -m pytest -n $(or $(WORKERS),auto) --maxprocesses=4 --dist=worksteal

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed ## a sandbox merchant, a fast clock: watch money come back
	$(BIN)/python -m app.demo

.PHONY: run
run: $(VENV)/.installed ## serve for a real Stripe account
	$(BIN)/python -m app.keys
	$(BIN)/flask --app app db upgrade
	exec $(BIN)/python wsgi.py

.PHONY: test
test: $(VENV)/.installed-dev ## all tests that this machine can run
	$(PYTEST)
	$(PYTEST) --database=postgresql tests/test_thirty_days.py tests/test_backups.py tests/storage tests/services tests/web

.PHONY: check
check: $(VENV)/.installed-dev ## the gate: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

.PHONY: audit
audit: $(VENV)/.installed-dev ## ask PyPI which pinned packages have known holes
	$(BIN)/pip-audit --requirement requirements.txt --disable-pip --no-deps --strict

.PHONY: backtest
backtest: $(VENV)/.installed ## strategies against issuer worlds, into benchmarks/README.md
	$(BIN)/python benchmarks/backtest.py

.PHONY: chaos
chaos: $(VENV)/.installed-dev ## KILLS (500) by SIGKILL, then rows against Stripe's ledger
	$(BIN)/python -m tests.attacks.chaos --kills $(or $(KILLS),500) $(if $(SEED),--seed $(SEED))

.PHONY: faults
faults: $(VENV)/.installed-dev ## every call at Stripe with every fault of the line
	$(BIN)/python -m tests.attacks.matrix

.PHONY: fuzz
fuzz: $(VENV)/.installed-dev ## INPUTS (100000) at webhooks, pages, cursors and forms
	$(BIN)/python -m tests.attacks.fuzz --inputs $(or $(INPUTS),100000) $(if $(SEED),--seed $(SEED))

.PHONY: soak
soak: $(VENV)/.installed-dev ## SECONDS of ordinary load (3600): memory, errors, times
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SECONDS),3600)

.PHONY: tour
tour: $(VENV)/.installed-dev ## a browser walks from nothing to a recovered payment
	$(BIN)/python -m pytest -q tests/browser/test_tour.py

.PHONY: pictures
pictures: $(VENV)/.installed-dev ## pictures of every page of a demo, into docs/pages
	$(BIN)/python -m tests.browser.pictures

.PHONY: tick
tick: $(VENV)/.installed ## do once what is due now
	$(BIN)/flask --app app tick

.PHONY: doctor
doctor: $(VENV)/.installed ## check configuration, database, Stripe and webhooks
	$(BIN)/flask --app app doctor

.PHONY: clean
clean: ## remove what was installed (never the database)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
