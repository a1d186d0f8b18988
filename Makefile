# Everything that can be done with this repository; `make` alone lists it.
# Debian 12 and root, because the cluster of the demo and of the tests runs on this machine.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
# What tidy-changed compares with.
BASE ?= HEAD~1
# Where each test writes its JUnit file.
RESULTS ?= build/results
# Which end-to-end tests; empty for all, some of which take minutes. Those in e2e/tests/alone stop parts
# of the cluster or count what happens in it; the others run two files at a time.
E2E ?= -m 'not slow'
# What `make test` runs; .ci/run adds clang-tidy of what changed.
STEPS ?= lint unit asan tsan thread-safety gate demo-python cluster crds e2e

STATE := $(or $(STAGEKEEPER_STATE),/var/lib/stagekeeper-e2e)
CACHE := $(or $(STAGEKEEPER_CACHE),$(HOME)/.cache/stagekeeper)
OTHER_CLUSTER := $(filter-out $(STATE)/kubeconfig,$(KUBECONFIG))
E2E_PYTHON := $(CACHE)/venv/e2e/bin/python
PYTEST := $(E2E_PYTHON) -m pytest -p no:cacheprovider -q
export PYTHONDONTWRITEBYTECODE := 1
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

LIBRARIES := libcpprest-dev libyaml-cpp-dev nlohmann-json3-dev libssl-dev libspdlog-dev libfmt-dev doctest-dev \
  libexpected-dev libsimdjson-dev libcli11-dev prometheus-cpp-dev libexpat1-dev librapidcheck-dev \
  libutfcpp-dev
TOOLS := g++ cmake ninja-build ccache mold clang-19 clang-format-19 clang-tidy-19 git
CLUSTER_PARTS := containerd runc containernetworking-plugins nftables conntrack buildah iproute2 openssl \
  ca-certificates python3 python3-venv
PACKAGES := $(LIBRARIES) $(TOOLS) $(CLUSTER_PARTS)

RELEASE_TESTS = ctest --test-dir build/$(1) --output-on-failure --timeout 300 \
  --test-output-size-passed 65536 --test-output-size-failed 1048576 \
  --output-junit $(abspath $(RESULTS))/$(2).xml --no-tests=error
SOURCES := $(shell git ls-files -co --exclude-standard 'src/*.cc' 'operator/*.cc' 'tests/*.cc')
HEADERS := $(shell git ls-files -co --exclude-standard 'src/*.h' 'operator/*.h' 'tests/*.h')
TIDY := clang-tidy-19 -p build/release --quiet --extra-arg=-Wno-unknown-warning-option

## The two commands
.PHONY: demo test down
demo: ## tell the story on a real cluster: 20 minutes on a fresh machine, then 3
	@echo "make demo: up to 20 minutes where nothing is built yet (the cluster's parts most of it), 3 otherwise"
	@$(MAKE) deps build
	@e2e/cluster/build
	@e2e/demo/demo

test: ## unit, lint and end-to-end tests: 55 minutes cold, 25 warm, on two cores
	@$(MAKE) deps build
	@tests/suite --results $(RESULTS) $(STEPS)

down: ## take away the installation, the cluster and its data; keep what was built
	@[ ! -x $(E2E_PYTHON) ] || e2e/install/uninstall --only-foreign
	@e2e/cluster/down

## Building
.PHONY: deps build images install clean
deps: ## install the Debian packages that are missing
	@missing=$$(for p in $(PACKAGES); do \
	    [ "$$(dpkg-query --show --showformat='$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq; \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi
	@command -v go > /dev/null || { echo "missing: Go 1.26 or later (https://go.dev/dl); Debian's is too old to build Kubernetes"; exit 1; }

build: build/release/build.ninja ## build the three programs
	@cmake --build --preset release --target stagekeeper stagekeeper-gate kubectl-stagekeeper

# REGISTRY=registry.example.com/stagekeeper pushes the images; PUSH_OPTIONS goes to buildah push.
images: build ## images and the kubectl plugin, into build/images; REGISTRY= pushes
	@e2e/install/build-images $(if $(REGISTRY),--registry '$(REGISTRY)') $(if $(PUSH_OPTIONS),--push-options='$(PUSH_OPTIONS)')

build/%/build.ninja: CMakeLists.txt CMakePresets.json cmake/Hardening.cmake cmake/Modules.cmake
	@mkdir -p build
	@cmake --preset $* > build/$*.configure.log 2>&1 || { cat build/$*.configure.log; exit 1; }

install: build ## install the operator into the cluster (or into that of KUBECONFIG)
	@e2e/cluster/build
	@e2e/install/install

clean: ## remove what was built from this tree; caches stay
	@rm -rf build

## Tests of one kind
.PHONY: unit asan tsan explore gate demo-python cluster crds e2e bench up
unit: build/release/build.ninja $(RESULTS) ## unit tests of every module
	@cmake --build --preset release
	@$(call RELEASE_TESTS,release,unit)

# The HTTP library reads the system's 140 authorities for each connection, which takes ASan a second.
asan: build/asan/build.ninja $(RESULTS) ## the same under AddressSanitizer and UBSan
	@cmake --build --preset asan
	@SSL_CERT_FILE=/dev/null UBSAN_OPTIONS=print_stacktrace=1 $(call RELEASE_TESTS,asan,asan)

tsan: build/tsan/build.ninja $(RESULTS) ## http, kube and runtime under ThreadSanitizer
	@cmake --build --preset tsan --target test-http test-kube test-runtime
	@TSAN_OPTIONS=die_after_fork=0 setarch --addr-no-randomize $(call RELEASE_TESTS,tsan,tsan) --tests-regex '^(http|kube|runtime)$$'

explore: build/release/build.ninja ## all that can happen in small worlds, two faults in each: hours; CI runs a slice
	@cmake --build --preset release --target test-explorer
	@build/release/test-explorer all

gate: build $(RESULTS) ## the real stagekeeper-gate against good and bad servers
	@e2e/cluster/build
	@cd tests/gate && $(PYTEST) --junitxml=$(abspath $(RESULTS))/gate.xml

demo-python: $(RESULTS) ## the demo's data and model server
	@cd e2e/demo && "$$(data/venv data/requirements.txt)/bin/python" -m pytest -p no:cacheprovider -q \
	    --junitxml=$(abspath $(RESULTS))/demo-python.xml data model_server

up: ## make the cluster run
	@e2e/cluster/build
	@e2e/cluster/up > /dev/null

cluster: up $(RESULTS) ## the parts of the cluster
	@cd e2e/cluster && $(PYTEST) --junitxml=$(abspath $(RESULTS))/cluster.xml

crds: up $(RESULTS) ## kinds, roles and admission policies on a real API server
	@cd tests/crds && KUBECONFIG=$(STATE)/kubeconfig PATH=$(STATE)/bin:$$PATH \
	    $(PYTEST) --junitxml=$(abspath $(RESULTS))/crds.xml

# With KUBECONFIG that cluster is used, and what needs the machine's own is skipped.
e2e: build $(if $(OTHER_CLUSTER),,up) $(RESULTS) ## the operator on the real cluster; E2E= for the slow tests too
	@[ -x $(E2E_PYTHON) ] || e2e/cluster/build
	@cd e2e/tests; code=0; \
	run() { $(PYTEST) --durations 10 $(E2E) "$$@" || [ $$? = 5 ] || code=1; }; \
	run --numprocesses 2 --dist loadfile --ignore alone --junitxml=$(abspath $(RESULTS))/e2e.xml; \
	run alone --junitxml=$(abspath $(RESULTS))/e2e-alone.xml; \
	exit $$code

bench: build up ## latency, API writes, memory; printed, not asserted
	@[ -x e2e/bench/bench ] && e2e/bench/bench || { echo "there is no e2e/bench/bench"; exit 1; }

$(RESULTS):
	@mkdir -p $@

## Looking at the code
.PHONY: lint layers format format-check chart-lint tidy tidy-changed thread-safety
lint: layers format-check chart-lint ## who includes whom, formatting, chart

layers: ## which folder includes which
	@tests/lint/layers.sh

format: ## format every C++ file
	@clang-format-19 -i $(SOURCES) $(HEADERS)

format-check: ## C++ files that are not formatted
	@clang-format-19 --dry-run --Werror $(SOURCES) $(HEADERS)

chart-lint: $(RESULTS) ## the chart, linted and rendered with many values; needs no cluster
	@e2e/cluster/build
	@tools=$$(dirname "$$(ls -t $(CACHE)/bin/tools-*/helm | head -n 1)"); cd tests/crds && \
	PATH=$$tools:$$PATH $(PYTEST) --junitxml=$(abspath $(RESULTS))/chart.xml test_chart.py

tidy: build/release/build.ninja ## clang-tidy of the whole tree: half an hour
	@printf '%s\n' $(SOURCES) | xargs -P $(JOBS) -n 1 $(TIDY)

tidy-changed: build/release/build.ninja ## clang-tidy of what changed since BASE
	@files=$$(tests/lint/changed-sources.sh $(BASE)); \
	[ -z "$$files" ] || printf '%s\n' $$files | xargs -P $(JOBS) -n 1 $(TIDY)

thread-safety: build/release/build.ninja ## clang's analysis of who holds which mutex
	@tests/lint/thread-safety.sh build/release $(JOBS)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
