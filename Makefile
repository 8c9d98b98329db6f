# Every verb sets up its own virtual environment first; the stamp file keeps later runs from installing again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

EXTRAS := .venv-extras
BENCH := .venv-bench

# Where this is set (images of containers often do), every process of a test run would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: validate figures docs test test-all test-costs test-slow test-extras checked bench lint clean

validate: $(STAMP)
	$(BIN)/cfgfield validate --profile quick

figures: $(STAMP)
	$(BIN)/cfgfield figures --profile quick

docs: $(STAMP)
	$(BIN)/mkdocs build

# Lint, types, and every test of less than one CPU second: what to run while one works.
test: checked
	$(BIN)/pytest -n auto --dist worksteal -m 'not slow and not long'

# The others, too: every claim, notebook, figure and page.
test-all: checked
	$(BIN)/pytest -n auto --dist worksteal

# Which tests are long, by measurement: after tests were added or made shorter, on an idle machine.
test-costs: $(STAMP)
	echo '{}' > tests/costs.json
	$(BIN)/python -m pytest -p tests.costing -n auto --dist worksteal
	$(BIN)/python -m pytest -p tests.costing -n auto --dist worksteal -m 'not slow and not long'

checked: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

# Against the real diffusers library, in an environment of its own (torch is large); pytest fails if it finds no test.
test-extras: $(EXTRAS)/installed
	OMP_NUM_THREADS=1 $(EXTRAS)/bin/pytest -W default tests/extras tests/test_benchmarks.py

# Beside NumPy, torch and JAX scripts, on one thread each: half an hour.
bench: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks --out benchmarks

lint: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# numba and h5py have wheels for Python 3.11 to 3.14; a later one is tried, after a note.
CHECK = $(PYTHON) -c 'import sys; v = sys.version_info[:2]; this = "; this is " + sys.version.split()[0] + "."; \
	    v < (3, 11) and sys.exit("cfgfield needs Python 3.11 or later" + this + " Try: make PYTHON=python3.11"); \
	    v > (3, 14) and print("note: numba and h5py are known to have wheels for Python 3.11 to 3.14" + this)'
NO_VENV = { echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 1; }

$(STAMP): pyproject.toml constraints.txt
	@$(CHECK)
	@$(PYTHON) -m venv $(VENV) || $(NO_VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

$(EXTRAS)/installed: pyproject.toml constraints.txt constraints-extras.txt
	@$(CHECK)
	@$(PYTHON) -m venv $(EXTRAS) || $(NO_VENV)
	$(EXTRAS)/bin/pip install --quiet --constraint constraints.txt --constraint constraints-extras.txt --editable '.[diffusers,learned,notebooks]' nbclient pytest
	@touch $@

$(BENCH)/installed: pyproject.toml constraints.txt constraints-extras.txt constraints-bench.txt
	@$(CHECK)
	@$(PYTHON) -m venv $(BENCH) || $(NO_VENV)
	$(BENCH)/bin/pip install --quiet --constraint constraints.txt --constraint constraints-extras.txt \
	    --constraint constraints-bench.txt --editable '.[bench,diffusers]' pytest
	@touch $@

clean:
	rm -rf $(VENV) $(EXTRAS) $(BENCH) build *.egg-info
