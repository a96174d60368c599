# `make demo` and `make test` are all the set-up there is: each makes the environment and fetches the default host when they are not there.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo
BENCH ?=
# A process for each core, of one thread, and four at the most: each holds networks. A file's tests stay together, for what they set up once.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test bench check check-full schema clean

demo: $(READY)
	$(BIN)/workbench hosts pull squeezenet
	$(BIN)/workbench score specs/curve-detectors.yaml --circuit circuits/squeezenet/curve.yaml -o $(DEMO)

test: $(READY)
	$(BIN)/workbench hosts pull squeezenet
	$(PYTEST) -m "not full"

# Where nnsight, pyvene or TransformerLens cannot be installed, the benchmarks leave them out and say
# so. TransformerLens is installed apart: it brings many packages, and may fail where the others do not.
bench: $(READY)
	$(BIN)/workbench hosts pull squeezenet
	-$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	-$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lens]'
	$(BIN)/python -m tests.bench $(BENCH)
	$(BIN)/workbench hosts pull induction
	$(BIN)/python -m tests.bench.tokens

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

check-full: check
	$(PYTEST) -m full

schema: $(READY)
	$(BIN)/python -m workbench.spec.schema > specs/theory.schema.json
	$(BIN)/python -m workbench.sequences.schema > specs/tokens/theory.schema.json

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO)
