# Everything a contributor runs. `make` alone lists the targets.
# Needs python3 (3.11 or newer, with venv), make and git; all else is fetched into .venv and .cache.

PYTHON ?= python3
PYTEST_ARGS ?=
LOCK_ARGS ?=

BIN := .venv/bin
NODE_TESTS := tests/sdk/node
NODE_READY := $(if $(wildcard $(NODE_TESTS)/package-lock.json),$(NODE_TESTS)/node_modules/.ok)

# The dashboard: its page is built from dashboard/ and from what the API says of itself.
SITE := src/tripmeter/site/index.html
PAGE_TYPES := dashboard/src/api/schema.d.ts
PAGE_SOURCES := $(shell find dashboard -type f -not -path '*/node_modules/*' -not -name schema.d.ts)
API_SOURCES := $(shell find src/tripmeter/api src/tripmeter/wire -name '*.py')

# Home folders may be unwritable: caches move into .cache then.
ifneq ($(shell mkdir -p "$$HOME/.cache" 2>/dev/null && test -w "$$HOME/.cache" && echo yes),yes)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
endif
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(CURDIR)/.venv/bin/python
export UV_NO_CONFIG := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run dashboard test check bench soak format lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/.ok ## make .venv: locked dependencies and tripmeter itself

run: setup $(SITE) ## start a server with demo data in ./data
	$(BIN)/tripmeter serve --demo --data ./data

dashboard: $(SITE) ## build the dashboard's page, which the engine serves at /dashboard/

test: setup $(NODE_READY) $(SITE) .venv-djstripe/.ok ## run the tests; PYTEST_ARGS="-n 2 -k alert" passes options on
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup dashboard/node_modules/.ok $(PAGE_TYPES) ## lint, format, types, order of imports, tidiness, known vulnerabilities
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/node.py --cwd dashboard npm run --silent check
	$(BIN)/python -m pytest -q tests/test_tidy.py
	$(BIN)/python tools/audit.py requirements/run.lock

bench: .venv-bench/.ok ## measure the engine beside its baselines; BENCH_ROWS=v1,bulk runs some
	PYTHONPATH=tests .venv-bench/bin/python bench/run.py

soak: .venv-bench/.ok ## half the maximum for SOAK_MINUTES=10: is memory flat, is latency?
	PYTHONPATH=tests .venv-bench/bin/python bench/soak.py

format: setup dashboard/node_modules/.ok ## put the code into shape: ruff format and its safe fixes, prettier
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(BIN)/python tools/node.py --cwd dashboard npm run --silent format

# Existing pins are kept where they still fit; LOCK_ARGS=--upgrade renews them all.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(LOCK_ARGS)
lock: setup ## pin the dependencies anew; LOCK_ARGS=--upgrade takes the newest releases
	@echo "==> requirements/run.lock"
	@$(COMPILE) pyproject.toml -o requirements/run.lock
	@echo "==> requirements/dev.lock"
	@$(COMPILE) pyproject.toml --group dev -c requirements/run.lock -o requirements/dev.lock
	@echo "==> requirements/bench.lock"
	@$(COMPILE) pyproject.toml --group bench -c requirements/dev.lock -o requirements/bench.lock
	@echo "==> requirements/djstripe.lock"
	@$(COMPILE) --group djstripe -o requirements/djstripe.lock
	@echo "==> requirements/uv.lock.txt"
	@echo uv | $(COMPILE) - -c requirements/dev.lock -o requirements/uv.lock.txt
	@if grep -n '://' requirements/*.lock requirements/uv.lock.txt; then \
		echo "a lock file names an address (above); it must not"; exit 1; fi

clean: ## remove what was built or fetched; ./data stays
	rm -rf .venv .venv-bench .venv-djstripe .cache dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf $(NODE_TESTS)/node_modules dashboard/node_modules src/tripmeter/site $(PAGE_TYPES)
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ok: .venv/.uv requirements/dev.lock pyproject.toml
	@echo "==> dependencies, pinned by requirements/dev.lock"
	@$(BIN)/uv pip sync --quiet --require-hashes requirements/dev.lock
	@echo "==> tripmeter, editable"
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo "==> ready: $(BIN)/tripmeter"

.venv/.uv: requirements/uv.lock.txt
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "no $(PYTHON) here: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is `"$(PYTHON)" --version 2>&1`, and tripmeter needs 3.11 or newer;" \
			"say make PYTHON=/path/to/a/newer/python"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks venv or ensurepip; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "==> .venv, with `"$(PYTHON)" --version`"
	@"$(PYTHON)" -m venv --clear .venv
	@echo "==> uv, pinned by requirements/uv.lock.txt"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.lock.txt
	@touch $@

.venv-bench/.ok: .venv/.ok requirements/bench.lock
	@echo "==> .venv-bench, pinned by requirements/bench.lock"
	@"$(PYTHON)" -m venv --clear --without-pip .venv-bench
	@VIRTUAL_ENV=.venv-bench UV_PYTHON=.venv-bench/bin/python \
		$(BIN)/uv pip sync --quiet --require-hashes requirements/bench.lock
	@echo "$(CURDIR)/src" > "`.venv-bench/bin/python -c 'import site; print(site.getsitepackages()[0])'`/tripmeter.pth"
	@touch $@

%/node_modules/.ok: %/package-lock.json | setup
	@echo "==> npm packages of $*"
	@$(BIN)/python tools/node.py --cwd $* npm ci
	@touch $@

$(PAGE_TYPES): $(API_SOURCES) tools/openapi.py dashboard/node_modules/.ok | setup
	@echo "==> types of the API, for the dashboard"
	@$(BIN)/python tools/openapi.py .cache/openapi.json
	@$(BIN)/python tools/node.py --cwd dashboard npm run --silent types
	@touch $@

$(SITE): $(PAGE_SOURCES) $(PAGE_TYPES) dashboard/node_modules/.ok | setup
	@echo "==> the dashboard's page"
	@$(BIN)/python tools/node.py --cwd dashboard npm run --silent build
	@touch $@

.venv-djstripe/.ok: .venv/.ok requirements/djstripe.lock
	@echo "==> .venv-djstripe, pinned by requirements/djstripe.lock"
	@"$(PYTHON)" -m venv --clear --without-pip .venv-djstripe
	@VIRTUAL_ENV=.venv-djstripe UV_PYTHON=.venv-djstripe/bin/python \
		$(BIN)/uv pip sync --quiet --require-hashes requirements/djstripe.lock
	@touch $@
