PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs-ready
ORACLE := .venv-oracle
ORACLE_READY := $(ORACLE)/.ready
OLDEST := .venv-oldest
OLDEST_READY := $(OLDEST)/.ready
DEMO := .demo

# what make test runs: everything that needs neither pyqlib, real bars, a browser, the package registry nor minutes
QUICK := not oracle and not real and not chaos and not paths and not browser and not install and not documents and not statistics

BROWSER ?= optional

.PHONY: help demo test test-documents test-install test-oldest test-oracle test-browser test-chaos test-paths test-statistics test-real lint types format check docs perf clean

help:
	@echo "make demo         set up, make a synthetic market, train an LSTM on it, tune it, and show a leaderboard and reports"
	@echo "make test         set up and run the tests"
	@echo "make test-documents run what the documents show, and compare what they print"
	@echo "make test-install resolve every extra for every platform and Python, and use the wheel in an empty environment"
	@echo "make test-oldest  run the tests with the oldest supported version of every requirement"
	@echo "make test-oracle  compare with a live pyqlib in $(ORACLE)"
	@echo "make test-browser open the pages in Chromium, which it installs where it may"
	@echo "make test-chaos   kill tuning at random moments and see that nothing is lost"
	@echo "make test-paths   train twenty seeds on every path and compare their ICs, for minutes"
	@echo "make test-statistics simulate how often intervals cover, equal rows differ, and sets hold the best, for minutes"
	@echo "make test-real    compare with Qlib on real bars (LSTM_BENCH_REAL_DATA, LSTM_BENCH_REFERENCE)"
	@echo "make check        lint and types"
	@echo "make docs         make site/ of the documentation, and fail where a link leads nowhere"
	@echo "make perf         time this package beside pyqlib on LSTM_BENCH_REAL_DATA"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(ORACLE_READY): tests/oracle/requirements.txt
	test -x $(ORACLE)/bin/python || $(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --requirement tests/oracle/requirements.txt
	@touch $@

demo: export LSTM_BENCH_STORAGE := $(DEMO)/store.journal
demo: export LSTM_BENCH_CACHE := $(DEMO)/cache
demo: $(READY)
	@test -d $(DEMO)/market || $(BIN)/lstm-bench data synth $(DEMO)/market
	$(BIN)/lstm-bench run configs/demo.yaml --provider-uri $(DEMO)/market --out $(DEMO)/results
	$(BIN)/lstm-bench study create demo --provider-uri $(DEMO)/market
	$(BIN)/lstm-bench tune --study demo --out $(DEMO)/results
	$(BIN)/lstm-bench bench --study demo --seeds 2 --out $(DEMO)/results
	$(BIN)/lstm-bench leaderboard --results $(DEMO)/results
	for seal in $(DEMO)/results/*/*/provenance.json; do $(BIN)/lstm-bench report $$(dirname $$seal) || exit 1; done
	$(BIN)/lstm-bench report --study demo --results $(DEMO)/results --out $(DEMO)/study.html
	$(BIN)/lstm-bench leaderboard --results $(DEMO)/results --html $(DEMO)/leaderboard.html
	@echo "open $(DEMO)/leaderboard.html, which links to the runs' reports, and $(DEMO)/study.html"

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --durations 15 -m "$(QUICK)"

# The oldest version of each requirement in pyproject.toml, with the newest of what these require. PyPI's torch for Linux takes 6 GB;
# UV_TORCH_BACKEND=cpu selects the small build.
$(OLDEST_READY): pyproject.toml $(READY)
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(BIN)/uv pip compile --quiet pyproject.toml --extra baselines --extra dashboard --extra mlflow --extra pictures --extra postgresql \
	  --resolution lowest-direct --python $(OLDEST)/bin/python --output-file $(OLDEST)/requirements.txt
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --requirement $(OLDEST)/requirements.txt \
	  $$(grep -E '^(hypothesis|playwright|pytest|pytest-xdist)==' constraints.txt)
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --no-deps --editable .
	@touch $@

# warnings of old packages about each other are not errors here
test-oldest: $(OLDEST_READY)
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n auto --dist loadfile -o filterwarnings=default -m "$(QUICK)"

test-install: $(READY)
	$(BIN)/python -m pytest -s -m install tests/install

test-oracle: $(READY) $(ORACLE_READY)
	LSTM_BENCH_ORACLE_PYTHON=$(CURDIR)/$(ORACLE)/bin/python $(BIN)/python -m pytest -m "oracle and not real" tests/oracle

# Chromium is the system's: from its packages, as root or with sudo. BROWSER=required fails without one, else the test skips.
test-browser: $(READY)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then run=; else run="sudo -n"; fi; \
	  $$run apt-get update -qq && $$run apt-get install -y -qq chromium >/dev/null; \
	} || echo "make test-browser: Chromium is not there and could not be installed: THE PAGES ARE NOT TESTED" >&2
	OMP_NUM_THREADS=1 LSTM_BENCH_BROWSER=$(BROWSER) $(BIN)/python -m pytest -rs -m browser tests/browser

test-chaos: $(READY)
	$(BIN)/python -m pytest -s -m chaos tests/chaos

test-documents: $(READY)
	$(BIN)/python -m pytest -m documents tests/docs

test-paths: $(READY)
	$(BIN)/python -m pytest -s -m paths tests/paths

test-statistics: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -s -m statistics tests/statistics

test-real: $(READY)
	$(BIN)/python -m pytest -m real

check: lint types

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_READY): pyproject.toml constraints.txt $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	@touch $@

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(DOCS_READY)
	$(BIN)/python docs/tools/configuration.py
	$(BIN)/python docs/tools/overfitting.py
	$(BIN)/python -m mkdocs build --strict
	@echo "the pages are in site/, from site/index.html on"

perf: $(READY) $(ORACLE_READY)
	LSTM_BENCH_ORACLE_PYTHON=$(CURDIR)/$(ORACLE)/bin/python $(BIN)/python tests/perf/against_qlib.py

clean:
	rm -rf $(VENV) $(ORACLE) $(OLDEST) $(DEMO) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
