# Needs make and Python 3.11 or newer with venv and pip; nothing else, no root. `make help` lists the targets.
SHELL := /bin/sh
DATA ?= ./data
EVENTS ?= 50000
ONCE ?=
PYTEST_ARGS ?=
# Test files run side by side in so many processes.
WORKERS ?= 2
# Of make crash; a night's run: ROUNDS=20 ROUND_EVENTS=20000.
ROUNDS ?= 20
ROUND_EVENTS ?= 3000
# Of make bench: parts and options, see `python -m bench --help`.
BENCH_ARGS ?=
# The first that is new enough. Another one: make PYTHON=/path/to/python3.12 demo
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(if $(shell $(p) $(IS_NEW) && echo yes),$(p))) python3)

IS_NEW := -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
VENV := .venv
BIN := $(VENV)/bin
# A stamp is newer than what it was made from, so the second time nothing is installed.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
# Quix Streams, which make bench compares with, in an environment of its own.
QUIX := .venv-quix
INPUTS := pyproject.toml constraints.txt Makefile

.DEFAULT_GOAL := help
.PHONY: help demo test crash bench bench-pages lint format docs screenshots sdk sdk-size vendor dev-up dev-down pins clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\n  DATA=%s EVENTS=%s ONCE=1 (demo)   PYTEST_ARGS="-k gap" (test)   PYTHON=python3.12 (first time)\n' '$(DATA)' '$(EVENTS)'

demo: $(RUN) ## the whole product with invented visitors, on http://localhost:8000; ONCE=1 ends by itself
	@$(BIN)/wua demo --data '$(DATA)' --events $(EVENTS) $(if $(filter 1 yes true,$(ONCE)),--once)

test: $(DEV) ## all tests, then each crash three times (not with PYTEST_ARGS); without a real Kafka some skip
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=40 --durations-min=5 -m "not crash" $(PYTEST_ARGS)
	$(if $(PYTEST_ARGS),,@$(MAKE) --no-print-directory crash ROUNDS=3)

crash: $(DEV) ## kill, stop, hand over, break ClickHouse while events flow: ROUNDS times each; then recount
	@CRASH_ROUNDS=$(ROUNDS) CRASH_EVENTS=$(ROUND_EVENTS) \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist load -m crash -v $(PYTEST_ARGS)

bench: $(DEV) $(QUIX)/.installed ## speed of the ingest path on a real Kafka, part by part; 15 minutes of a quiet machine
	@$(BIN)/python -m bench --quix $(QUIX)/bin/python $(or $(BENCH_ARGS),--write docs/BENCHMARKS.md)

lint: $(DEV) ## ruff, mypy, and the floors of the imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-pages: $(DEV) ## how long until a page of the dashboard shows something, in Chromium on this machine
	@$(BIN)/python -m bench.pages

docs: $(DEV) ## docs/METRICS.md and docs/API.md anew, from the code
	@$(BIN)/python docs/make.py

screenshots: $(DEV) ## the pictures of docs/DASHBOARD.md anew, of the demo in Chromium; some minutes
	@$(BIN)/python docs/screenshots.py

sdk: web/sdk/node_modules/.installed ## the browser script anew, from web/sdk into web/static; needs npm
	@node web/sdk/build.js
	@$(MAKE) --no-print-directory sdk-size

vendor: web/vendor/node_modules/.installed ## the chart library and the map of the dashboard anew; needs npm
	@node web/vendor/build.js

sdk-size: ## how large the built browser script is, packed; fails when it is over its limits
	@$(PYTHON) web/sdk/size.py

dev-up: ## Kafka, ClickHouse, worker and web in containers, on http://localhost:8000
	@docker compose version >/dev/null 2>&1 || { \
	  echo 'make dev-up needs Docker with the compose plugin; `make demo` runs without.' >&2; exit 1; }
	docker compose up --build --detach --wait

dev-down: ## stop the containers; their data stays in the volumes
	docker compose down

pins: ## constraints.txt anew: the newest releases that pyproject.toml allows (make it with the oldest Python)
	@$(call need_python)
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; set -e; \
	echo 'Resolving with $(PYTHON); this takes about a minute.'; \
	$(PYTHON) -m venv "$$dir/venv"; \
	"$$dir/venv/bin/pip" install --disable-pip-version-check --quiet '.[test,dev]'; \
	{ echo '# Every package of an installation with test tools, pinned. Made by `make pins`; holds for Python 3.11 to 3.13.'; \
	  "$$dir/venv/bin/pip" freeze --exclude web-user-analytics; } > "$$dir/constraints.txt"; \
	mv "$$dir/constraints.txt" constraints.txt; git diff --stat -- constraints.txt 2>/dev/null || true

clean: ## delete .venv, caches and built files; never data
	rm -rf $(VENV) $(QUIX) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis tests/kafka/target web/*/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): $(INPUTS) | $(BIN)/pip
	@$(call install,.,Web User Analytics)
	@touch $@

$(DEV): $(INPUTS) | $(BIN)/pip
	@$(call install,.[test$(comma)dev],Web User Analytics with its test tools)
	@touch $@ $(RUN)

$(QUIX)/.installed: bench/constraints-quix.txt
	@$(call need_python)
	@echo 'Installing Quix Streams into $(QUIX) ...'
	@$(PYTHON) -m venv $(QUIX)
	@$(QUIX)/bin/pip install --disable-pip-version-check --quiet -c bench/constraints-quix.txt quixstreams
	@touch $@

web/%/node_modules/.installed: web/%/package.json web/%/package-lock.json
	@command -v npm >/dev/null || { \
	  echo 'make sdk and make vendor need Node.js 20 or newer with npm; on Debian and Ubuntu: apt-get install npm' >&2; exit 1; }
	@npm ci --prefix web/$* --no-audit --no-fund --loglevel=error
	@touch $@

$(BIN)/pip:
	@$(call need_python)
	@echo 'Making $(VENV) with $(PYTHON) ...'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo '$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }

comma := ,

define need_python
$(PYTHON) $(IS_NEW) || { \
  echo 'Python 3.11 or newer is needed, and $(PYTHON) is' "$$($(PYTHON) --version 2>&1 || true)." >&2; \
  echo 'Install one, or name it: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
endef

# pip's own lines go to a log; a person sees one line that moves, and the end of the log if it fails.
define install
start=$$(date +%s); echo 'Installing $(2) into $(VENV); the first time takes about a minute.'; \
{ $(BIN)/python -u -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e '$(1)' 2>&1; \
  echo $$? > $(VENV)/.status; } | tee $(VENV)/install.log | if [ -t 1 ]; then \
  awk '/^ *(Collecting|Downloading|Installing|Building)/ {printf "\r\033[K  %.70s", $$0; fflush()} END {printf "\r\033[K"}'; \
else cat > /dev/null; fi; \
if [ "$$(cat $(VENV)/.status)" != 0 ]; then \
  tail -n 25 $(VENV)/install.log >&2; echo 'Installation failed; all of it: $(VENV)/install.log' >&2; exit 1; fi; \
echo "Installed in $$(($$(date +%s) - start)) s."
endef
