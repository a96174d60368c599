# `make demo` and `make test` are all the set-up there is: each makes the environment and fetches the default host when they are not there.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo
BENCH ?= -o bench.json

.PHONY: demo test bench check check-full schema clean

demo: $(READY)
	$(BIN)/workbench hosts pull squeezenet
	$(BIN)/workbench score specs/curve-detectors.yaml --circuit circuits/squeezenet/curve.yaml -o $(DEMO)

test: $(READY)
	$(BIN)/workbench hosts pull squeezenet
	$(BIN)/python -m pytest -m "not full"

bench: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m tests.bench $(BENCH)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

check-full: check
	$(BIN)/python -m pytest -m full

schema: $(READY)
	$(BIN)/python -m workbench.spec.schema > specs/theory.schema.json

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO)
