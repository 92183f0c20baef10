# Targets are CI's own steps. Everything is installed into .venv, by uv, which is itself installed there.
PYTHON ?= python3
UV = .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test soak services lint bench bench-pipelines bench-runners docs clean
.DEFAULT_GOAL := test

demo: .venv/.demo
	examples/digits/demo.sh $(CURDIR)/demo

test: .venv/.test
	python -m pytest -n 2 $(PYTEST_ARGS)

# Thousands of random sequences of commands, and what takes gigabytes: an hour or more.
SEQUENCES ?= 3000
soak: .venv/.test
	MLTRACK_SEQUENCES=$(SEQUENCES) python -m pytest tests/model -n 2 -m "soak or not soak" $(PYTEST_ARGS)

# The servers that tests of remotes talk to, and the browser that opens pages; without them those tests are skipped.
services: .venv/.test
	bash tests/services/install.sh

lint: .venv/.lint
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	vermin --quiet --no-tips --target=3.8- --violations mltrack/runners/worker
	codespell
	python docs/generate.py --check

SIZE ?= small
bench: .venv/.test
	python -m benchmarks --size $(SIZE)

bench-pipelines: .venv/.test
	python -m benchmarks.pipelines

SSH_CONFIG ?= ~/.ssh/config
HOST ?= localhost
bench-runners: .venv/.test
	python -m benchmarks.runners --ssh-config $(SSH_CONFIG) --host $(HOST)

docs: .venv/.test
	python docs/generate.py

clean:
	rm -rf .venv demo build dist

# One stamp per set of packages: made again only when pyproject.toml changes.
.venv/.uv:
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	touch $@

.venv/.demo: .venv/.uv pyproject.toml
	$(UV) --editable . --group demo
	touch $@

.venv/.test: .venv/.uv pyproject.toml
	$(UV) --editable ".[s3,gs,azure,sftp,http,blake3,plots]" --group demo --group test
	touch $@

.venv/.lint: .venv/.test pyproject.toml
	$(UV) --group lint
	touch $@
