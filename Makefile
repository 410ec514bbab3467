# Two commands do everything: `make demo` and `make test`. The scripts they call are in scripts/.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
BROWSER ?= yes

.DEFAULT_GOAL := help
.PHONY: help demo test fix gpu-check clean

help: ## show this list
	@echo "chainrule: an auto-graded course platform for Jupyter"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1: \2/p' Makefile

demo: $(VENV)/.grading ## a whole class on one assignment, from the source to the report (in .demo/)
	@$(BIN)/python -m demo

test: $(VENV)/.dev ## set up what the tests need; linters, types, contracts, stale files, all tests
	@scripts/debian $(BROWSER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/chainrule build --check
	$(BIN)/python -m pytest $(if $(filter no,$(BROWSER)),-m "not browser")

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
