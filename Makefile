PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# Where this is set, every process that the service starts would compile everything anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test lint soak bench lock clean

demo: .venv/installed
	$(BIN)/broadcaster demo $(if $(ONCE),--once)

test: .venv/installed lint
	$(BIN)/python -m pytest -q -m "not soak"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: .venv/installed
	$(BIN)/python -m pytest -q -m soak

bench: .venv/installed
	$(BIN)/broadcaster bench way --speakers 1000

.venv/installed: requirements.lock pyproject.toml build_assets.py npm/package-lock.json | $(UV)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Village Broadcaster needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Debian and Ubuntu: apt install python3-venv, then run make again"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check uv

lock: | $(UV)
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv out dist var broadcaster/web/vendor audio/voices/vendor
