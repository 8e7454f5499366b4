# Every target runs in .venv, which setup fills with exactly the versions and hashes of packaging/requirements/*.txt.
python := .venv/bin/python
shell_scripts := .ci/run $(wildcard packaging/requirements/*.sh tests/*.sh)

.DEFAULT_GOAL := help
.PHONY: help setup lint format types test demo bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from the lock (PYTHON=/path/to/python3 to choose one)
	@packaging/requirements/install.sh .venv development.txt

lint: setup ## check style of Python and shell
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	.venv/bin/shellcheck $(shell_scripts)

format: setup ## put Python into the style that lint asks for
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

types: setup ## check types
	$(python) -m mypy

test: setup ## run unit and integration tests (PYTEST_ADDOPTS for more options)
	$(python) -m pytest -n auto

demo: setup ## show the plugin at work against a simulated cloud
	@$(python) -m tests.demo

bench: setup ## measure cold and warm start
	@$(python) -m tests.bench

lock: ## refresh the lock from pyproject.toml (UPGRADE=yes for newest versions)
	packaging/requirements/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and everything that was made
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
