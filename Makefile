# Every target runs in .venv, which setup fills with exactly the versions and hashes of packaging/requirements/*.txt.
python := .venv/bin/python
# Most tests wait for processes, sockets and limits more than they work.
parallel := -n $(shell expr 2 '*' $$(nproc))
shell_scripts := .ci/run $(wildcard packaging/*/*.sh packaging/*/*/*.sh packaging/packages/scripts/* tests/*.sh tests/*/*.sh)

.DEFAULT_GOAL := help
.PHONY: help setup lint format types test build test-frozen packages image test-packages test-kubelets test-cluster chart manifests test-chart e2e e2e-smoke lint-workflows demo bench bench-frozen bench-cluster lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	$(python) -m mypy packaging/*.py
	$(python) -m mypy packaging/image/*.py

test: setup ## run unit and integration tests (PYTEST_ADDOPTS for more options)
	$(python) -m pytest $(parallel)

build: ## freeze the program: dist/aliyun-acr-credential-provider/ (PYTHON= as in setup)
	@packaging/requirements/install.sh build/environment runtime.txt freeze.txt
	@build/environment/bin/python -E -s packaging/build.py

test-frozen: setup build ## run the tests of the frozen program, and the integration tests on it
	@tests/frozen/roots.sh
	$(python) -m tests.frozen.enter $(python) -m pytest tests/frozen
	$(python) -m tests.frozen.enter $(python) -m pytest $(parallel) -m "not source" tests/integration

packages: build ## make .tar.gz, .deb and .rpm of the bundle (needs go)
	@packaging/packages/build.sh

image: setup build ## make the OCI image of the bundle
	@$(python) packaging/image/build.py "$$(dpkg --print-architecture)"

test-packages: packages image ## install the packages and run the image in a root of their own (as root)
	@tests/packages/root.sh >/dev/null
	PACKAGES=dist $(python) -m pytest tests/packages

test-kubelets: setup ## hold our check of provider files against real kubelets (as root; needs go)
	$(python) -m tests.kubernetes.enter $(python) -m pytest -q $(parallel) tests/kubernetes

chart: ## package the Helm chart: dist/…-VERSION.tgz (needs go)
	@packaging/helm/package.sh

manifests: ## make plain manifests of the chart, with VALUES=FILE for values of your own (needs go)
	@packaging/helm/manifests.sh $(VALUES)

test-chart: setup ## render and check the Helm chart with both versions of Helm (needs go)
	@packaging/helm/build.sh 3 >/dev/null
	@packaging/helm/build.sh 4 >/dev/null
	$(python) -m pytest -q $(parallel) tests/chart

test-cluster: setup ## try the agent's parts on a real API server (as root; needs go)
	@packaging/helm/build.sh 3 >/dev/null
	@packaging/helm/build.sh 4 >/dev/null
	$(python) -m tests.cluster.enter $(python) -m pytest -q $(parallel) tests/cluster

e2e: setup packages image ## run everything on real nodes: systemd, kubelet, containerd, registry (as root; needs go)
	$(python) -m tests.e2e

e2e-smoke: setup packages ## run the first and the third of its scenarios
	$(python) -m tests.e2e tests/e2e/test_1_fresh_node.py tests/e2e/test_3_joined.py

lint-workflows: setup ## check the GitHub workflows (needs go)
	@actionlint=$$(packaging/packages/tools/build.sh actionlint) && \
		"$$actionlint" -shellcheck "$(CURDIR)/.venv/bin/shellcheck" -pyflakes=

demo: setup ## show the plugin at work against a simulated cloud
	@$(python) -m tests.demo

bench: setup ## measure cold and warm start
	@$(python) -m tests.bench

bench-frozen: setup build ## measure the same of the frozen program
	@$(python) -m tests.frozen.enter $(python) -m tests.bench

bench-cluster: setup ## measure the writer of compatibility Secrets in a large cluster (as root; needs go)
	$(python) -m tests.cluster.enter $(python) -m tests.bench_cluster

lock: ## refresh the lock from pyproject.toml (UPGRADE=yes for newest versions)
	packaging/requirements/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and everything that was made
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
