# Targets are CI's own steps. Everything is installed into .venv, by uv, which is itself installed there.
PYTHON ?= python3
UV = .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test test-abilities soak services lint package site man bench bench-pipelines bench-runners bench-elsewhere bench-experiments bench-logging docs clean
.DEFAULT_GOAL := test

demo: .venv/.demo
	examples/digits/demo.sh $(CURDIR)/demo

test: .venv/.test
	python -m pytest -n 2 $(PYTEST_ARGS)

# The tests again without what only some systems have: all of them, or those named.
TESTS ?= tests
test-abilities: .venv/.test
	MLTRACK_ABILITIES=none python -m pytest -n 2 $(TESTS) $(PYTEST_ARGS)

# Thousands of random sequences of commands, and what takes gigabytes: an hour or more.
SEQUENCES ?= 3000
soak: .venv/.test
	MLTRACK_SEQUENCES=$(SEQUENCES) python -m pytest tests/model -n 2 -m "soak or not soak" $(PYTEST_ARGS)
	MLTRACK_STRIDE=4 python -m pytest tests/faults/test_experiments.py -n 2 $(PYTEST_ARGS)

# The servers that tests of remotes talk to, and the browser that opens pages; without them those tests are skipped.
services: .venv/.test
	bash tests/services/install.sh

lint: .venv/.lint
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	vermin --quiet --no-tips --target=3.8- --violations mltrack/runners/worker mltrack/runners/handed mltrack/logger
	codespell
	python docs/generate.py --check

# What is published: built, compared, installed into a clean environment and asked. It is left in build/package/dist.
package: .venv/.package man
	python .ci/package.py build/package

# The documentation as pages that open from the disk: build/site/index.html.
site: .venv/.site
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	python docs/check_site.py build/site

# Man pages, from what --help says; a wheel that is built afterwards has them.
man: .venv/.test
	python docs/manpages.py build/man

SIZE ?= small
bench: .venv/.test
	python -m benchmarks --size $(SIZE)

bench-pipelines: .venv/.test
	python -m benchmarks.pipelines

# Reading other projects: times, requests and bytes; BENCH_DVC names a DVC with S3.
bench-elsewhere: .venv/.test
	python -m benchmarks.elsewhere --size $(SIZE)

# Many experiments; BENCH_DVC names a DVC to run beside.
bench-experiments: .venv/.test
	python -m benchmarks.experiments
# What a call of the logger costs, a page of a million points, a monitor.
bench-logging: .venv/.test
	python -m benchmarks.logging

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
	$(UV) --editable ".[s3,gs,azure,sftp,http,blake3,plots]" --group demo --group test --group libraries
	touch $@

.venv/.lint: .venv/.test pyproject.toml
	$(UV) --group lint
	touch $@

.venv/.package: .venv/.uv pyproject.toml
	$(UV) --group package
	touch $@

.venv/.site: .venv/.uv pyproject.toml
	$(UV) --group site
	touch $@
