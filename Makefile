# Each job sets up what it needs in .venv the first time, and again when pyproject.toml or constraints.txt changes.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,$(if $(shell $(p) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo yes),$(p))))
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
OLDEST ?= python3.11
NEWEST := build/newest

.PHONY: demo test check bench update clean
.DELETE_ON_ERROR:

demo: .venv/installed
	@$(BIN)/python -m demo

# Both halves run, whatever fails; pytest answers 5 where ARGS leaves nothing of a half.
test: .venv/installed-test
	@$(BIN)/python -m tests.browser.setup
	failed=0; trap 'exit 130' INT; \
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not browser" $(ARGS) || [ $$? = 5 ] || failed=1; \
	$(BIN)/python -m pytest -m browser $(ARGS) || [ $$? = 5 ] || failed=1; \
	exit $$failed

check: .venv/installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# DATA= a folder of real sets, SIZES= ARMS= THREADS= REPEATS= BUDGET= (minutes) REPORT= (folder): see tests/bench/__main__.py
bench: .venv/installed-bench
	$(BIN)/python -m tests.bench $(if $(DATA),--data $(DATA)) $(if $(SIZES),--sizes $(SIZES)) $(if $(ARMS),--arms $(ARMS)) \
	  $(if $(THREADS),--threads $(THREADS)) $(if $(REPEATS),--repeats $(REPEATS)) $(if $(BUDGET),--minutes $(BUDGET)) \
	  $(if $(REPORT),--report $(REPORT)) $(ARGS)

# Renews constraints.txt: the newest versions that pyproject.toml allows, of those that the oldest Python can install.
# Run make test and make check afterwards.
update:
	$(OLDEST) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip install --upgrade pip
	$(NEWEST)/bin/python -m pip install -e '.[test,check,samples]'
	$(NEWEST)/bin/python assets/make_constraints.py
	rm -rf $(NEWEST)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache

.venv/created:
	@test -n "$(PYTHON)" || { echo "Attune needs Python 3.11, 3.12 or 3.13; install one, or name it: make demo PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/created pyproject.toml constraints.txt
	@echo "Installing Attune into .venv: a few minutes and about 7 GB, the first time only."
	$(INSTALL) -e .
	@touch $@

.venv/installed-%: .venv/installed
	$(INSTALL) -e '.[$*]'
	@touch $@
