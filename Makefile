# Every verb works on a fresh clone with Python 3.11+ and nothing else prepared.
PYTHON ?= python3
UV := .tools/bin/uv
SECONDS ?= 60
BIN := .venv/bin

.PHONY: help run test check browser soak fuzz bench bench-peers web schema lock clean

help:
	@echo "make run      set up and serve http://127.0.0.1:8000 with a demo workspace"
	@echo "make test     set up and run the tests"
	@echo "make check    format, lint, types, import directions"
	@echo "make browser  run the dashboard's tests in Chromium (installs it when missing)"
	@echo "make soak     the long form of the tests"
	@echo "make fuzz     throw broken requests at the readers for a minute (SECONDS=60)"
	@echo "make bench    measure; see docs/performance.md"
	@echo "make bench-peers  the same load on Phoenix, MLflow, LiteLLM and this"
	@echo "make web      build the dashboard"
	@echo "make schema   write schema.graphql from the code"
	@echo "make lock     refresh the lock files"

$(UV):
	@$(PYTHON) -m venv .tools && .tools/bin/pip install -q "uv>=0.9,<1"

.venv/server: $(UV) requirements/server.lock pyproject.toml
	@test -d .venv || $(UV) venv -q --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/server.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: .venv/server requirements/dev.lock
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@

.venv/capture: $(UV) requirements/capture.lock | .venv/server
	@$(UV) venv -q --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $@
	@$(UV) pip install -q --python $@/bin/python --require-hashes -r requirements/capture.lock
	@touch $@

.venv/fuzz: .venv/dev requirements/fuzz.lock
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/fuzz.lock
	@touch $@

run: .venv/server web
	@exec $(BIN)/promptforge serve --demo

test: .venv/dev .venv/capture check
	@$(BIN)/pytest -n 2 -m "not browser and not soak"

check: .venv/dev
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports --no-logo && $(BIN)/pyright

browser: .venv/dev .venv/capture web
	@sh tests/browser/chromium.sh && $(BIN)/pytest -m browser tests/browser

soak: .venv/dev .venv/capture
	@$(BIN)/pytest -m "soak or not soak" --hypothesis-profile=soak

fuzz: .venv/fuzz
	@$(BIN)/python tests/fuzz/otlp.py -max_total_time=$(SECONDS)

bench: .venv/dev
	@$(BIN)/python -m bench

bench-peers: .venv/dev
	@$(BIN)/python -m bench peers

web: .venv/server
	@$(BIN)/python web/build.py

schema: .venv/server
	@$(BIN)/python -m promptforge.server.graphql.schema > schema.graphql

lock: $(UV)
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --extra server pyproject.toml -o requirements/server.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --extra server --group dev pyproject.toml -o requirements/dev.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --group pyproject.toml:capture -o requirements/capture.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --group pyproject.toml:fuzz -o requirements/fuzz.lock

clean:
	rm -rf .venv .tools .bench web/node_modules src/promptforge/server/dashboard/dist
