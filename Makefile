# `make demo` and `make test` do everything; `make check` takes longer. CI runs `make test` and `make attacks`.
# The scripts they call are in scripts/.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
BROWSER ?= yes
# A process for each core, at most eight: each takes up to 1.5 GB. A file is run by one of them, in the order of their names.
PARALLEL ?= -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
CHOSEN ?= -m "not slow and not parity$(if $(filter no,$(BROWSER)), and not browser)"

.DEFAULT_GOAL := help
.PHONY: help demo test check attacks parity bench times gpu-check fix clean

help: ## show this list
	@echo "chainrule: an auto-graded course platform for Jupyter"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1: \2/p' Makefile

demo: $(VENV)/.grading ## a whole class on three assignments, from the source to the report (in .demo/)
	@$(BIN)/python -m demo

test: $(VENV)/.dev ## set up what the tests need; linters, types, contracts, stale files, tests
	@scripts/debian $(BROWSER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/chainrule build --check
	$(BIN)/python scripts/tests $(PARALLEL) $(CHOSEN)

check: ## before a release: the same with all that takes longer: whole classes, killed runs, every attack, nbgrader beside us
	@$(MAKE) test CHOSEN="--attacks=all $(if $(filter no,$(BROWSER)),-m 'not browser')"

attacks: $(VENV)/.dev ## only the attacks, all of them
	$(BIN)/python scripts/tests $(PARALLEL) --attacks=all tests/attacks

bench: $(VENV)/.grading ## time and memory beside nbgrader and otter-grader, into bench/ (half an hour; the machine has to be idle)
	$(BIN)/python -m bench

times: $(VENV)/.grading ## how long each assignment takes to grade, into docs/times.md
	$(BIN)/python scripts/times

parity: $(VENV)/.dev ## grade nbgrader's own courses and odd ones with and without us, and compare (a quarter of an hour)
	$(BIN)/python -m pytest -s -m parity tests/parity

fix: $(VENV)/.dev ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gpu-check: $(VENV)/.grading ## train the reference network on the GPU if there is one; one line of JSON
	@$(BIN)/python scripts/gpu_check

clean: ## remove what the commands above made: the demo, caches, the virtual environment
	rm -rf .demo .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# A stamp says which extra is installed; it is stale when the requirements are newer.
$(VENV)/.grading $(VENV)/.dev: pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" scripts/install "$(VENV)" "$(patsubst .%,%,$(@F))"
