# Two targets set everything up by themselves: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed

.PHONY: demo test test-system kerberos corpus lint bench lock wheel clean

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(STAMP)
	$(BIN)/cutover demo

test: $(STAMP)
	$(BIN)/python -m pytest -m "not system"

test-system: $(STAMP)
	$(BIN)/python -m pytest -m system

# What only kerberos.ap-in and logins by ticket need: both are built here, against the headers of krb5 and Python (libkrb5-dev python3-dev).
kerberos: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-kerberos.lock

# As root: what real tools print today, compared with tests/corpus (its README says what is needed).
corpus: $(STAMP)
	$(BIN)/python -m tests.corpus.record --check

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m bench

wheel: $(STAMP)
	$(BIN)/python -m hatchling build -t wheel

# Needs `uv`; pins with hashes and names no package index.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra kerberos -c requirements-dev.lock pyproject.toml -o requirements-kerberos.lock

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
