# Two commands: `make drills` and `make test`. ARGS="..." goes to pytest, PYTHON=... picks the interpreter.
PYTHON ?=
ARGS ?=
.PHONY: drills test env lint

drills: env
	@.venv/bin/python -m pytest drills/ $(ARGS)

test: lint
	@.venv/bin/python -m pytest tests/ $(ARGS)

lint: env
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

env:
	@.ci/env $(PYTHON)
