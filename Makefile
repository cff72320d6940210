# Everything here works in a fresh clone; each target first makes .venv or brings it up to date.
PYTHON ?= python3
LAB_ARGS ?=
WORKERS ?= 2
PYTEST_ARGS ?=
NEED_GB ?=
SITE_ARGS ?=
BIN := .venv/bin
MAKE_VENV = $(PYTHON) tools/make_venv.py $(if $(NEED_GB),--need-gb $(NEED_GB)) $(if $(filter file,$(origin PYTHON)),,--this-python)
.DEFAULT_GOAL := help
.PHONY: help venv learn test test-all chapters models bench site pictures edit exercise format lint

help: ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

venv: ## make .venv with everything in it, or bring it up to date (PYTHON=python3.12, NEED_GB=3)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer."; exit 1; }
	@$(MAKE_VENV)

learn: venv ## bring the chapters into my-work/ and open JupyterLab on it (LAB_ARGS="--no-browser --port 8899")
	@$(BIN)/mi-tutor lab $(LAB_ARGS)

test: venv ## the gate: every test but the slow ones, in WORKERS=2 processes
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

test-all: venv ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

chapters: venv ## write chapters/ again from solutions/
	$(BIN)/mi-tutor build

models: venv ## train the bundled models again
	$(BIN)/mi-tutor models --train

bench: venv ## measure, and print ratios
	$(BIN)/python -m benchmarks

# What only the site needs (Sphinx and what it draws in) is installed when it is first built, so that no learner waits for it.
site: venv ## build build/site, the pages to read before deciding (SITE_ARGS="--run 00 01" for a quick look)
	@$(MAKE_VENV) --with site
	$(BIN)/python -m docs $(SITE_ARGS)

pictures: venv ## draw docs/pictures again; CONTACT=1 CHAPTERS="00 04": all figures of chapters, into build/contact
	$(BIN)/python -m docs.$(if $(CONTACT),contact_sheet $(CHAPTERS),take_pictures)

# JUPYTER_CONFIG_PATH: there it says that a .py opens as Jupytext's notebook, for this run only.
edit: venv ## open a chapter's source as a notebook: make edit CH=03
	@test -f "$(wildcard solutions/ch$(CH)_*.py)" || { echo "Which chapter? For example: make edit CH=01"; exit 1; }
	JUPYTER_CONFIG_PATH="$(CURDIR)/tools/lab" $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)/solutions" \
	  --LabApp.default_url="/lab/tree/$(notdir $(wildcard solutions/ch$(CH)_*.py))" $(LAB_ARGS)

exercise: venv ## begin an exercise that works, in its three places: make exercise CH=05 NAME=row_lengths
	@$(BIN)/python tools/new_exercise.py "$(CH)" "$(NAME)"

format: venv ## lay the code out as `make lint` wants it
	$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

lint: venv ## ruff (solved notebooks too), mypy, which room uses which, and whether the chapters are what their sources give
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mi-tutor build --check
	@solved=$$(mktemp -d) && trap 'rm -r "$$solved"' EXIT && $(BIN)/mi-tutor build --solved "$$solved" && \
	  $(BIN)/ruff check --output-format concise --config solutions/ruff.toml "$$solved" && $(BIN)/ruff format --diff --config solutions/ruff.toml "$$solved"
