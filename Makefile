# Every target works on a machine that has git, make and Python 3.11 or later, and nothing else.
# Where packages come from is pip's own business: its configuration and PIP_* variables apply.

PYTHON ?= python3
VENV ?= .venv
TESTS ?= tests
# Processes that run tests side by side; each of them imports torch.
WORKERS ?= 2
PYTEST_FLAGS ?=
FUZZ ?=
FUZZ_SECONDS ?= 60
BENCHES ?= $(filter-out _% %_input,$(basename $(notdir $(wildcard bench/*.py))))

BIN := $(VENV)/bin
SMOKE := build/wheel-demo
SIGSTORE_JS := tests/judges/sigstore-js
# What pip has to say belongs on terminals only.
PIP_FLAGS := $(if $(CI)$(if $(MAKE_TERMOUT),,log),--quiet --progress-bar off)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(or $(wildcard $(VENV)/.installed-dev),$(VENV)/.installed-train) ## Fine-tune, record, tamper, verify, diff: the whole story offline, under a minute
	$(BIN)/ftlineage demo

.PHONY: test
test: $(VENV)/.installed-dev $(SIGSTORE_JS)/node_modules ## Run the tests; TESTS=tests/unit/core runs a part
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_FLAGS) $(TESTS)

# A second reader of our signatures, in another language. Without npm, or without a way to its packages,
# that one test skips and says so.
$(SIGSTORE_JS)/node_modules: $(SIGSTORE_JS)/package-lock.json
	-command -v npm >/dev/null && cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@mkdir -p $@ && touch $@

.PHONY: lint
lint: $(VENV)/.installed-dev ## Check format, rules and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: format
format: $(VENV)/.installed-dev ## Apply the formatter and the fixes ruff is sure of
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: $(VENV)/.installed-dev ## Write the generated parts: JSON Schema, help texts
	$(BIN)/python -m docs.generate

.PHONY: bench
bench: $(VENV)/.installed-bench ## Measure against peers and floors, side by side; BENCHES=startup runs one
	set -e; for name in $(BENCHES); do echo "== $$name"; $(BIN)/python -m bench.$$name; done

.PHONY: fuzz
fuzz: $(VENV)/.installed-fuzz ## Fuzz the readers, a minute each; FUZZ_SECONDS=600 longer, FUZZ=card one of them
	$(BIN)/python -m fuzz $(FUZZ) --seconds $(FUZZ_SECONDS)

.PHONY: wheel
wheel: $(VENV)/.installed-dev ## Build dist/ftlineage-*.whl
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

.PHONY: wheel-demo
wheel-demo: wheel ## Install the wheel in an empty virtual environment and run its demo there
	rm -rf $(SMOKE)
	$(PYTHON) -m venv $(SMOKE)/venv
	$(SMOKE)/venv/bin/python -m pip install $(PIP_FLAGS) "$$(echo dist/*.whl)[train]" -c constraints.txt
	mkdir $(SMOKE)/run
	cd $(SMOKE)/run && ../venv/bin/ftlineage demo

.PHONY: clean
clean: ## Remove everything the targets made, the virtual environment included
	rm -rf $(VENV) $(SIGSTORE_JS)/node_modules build dist ftlineage-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find ftlineage tests bench recipes docs -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages; a newer pyproject.toml or constraints.txt installs again.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing ftlineage[$*] into $(VENV); the first time PyTorch is fetched too"
	$(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[$*]' --constraint constraints.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
