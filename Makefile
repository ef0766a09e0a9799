# Four verbs: `make up` (run the bench), `make test`, `make bench`, `make check`.
# All that is assumed: Python 3.11+ with venv and headers, gcc, make. uv is used where it is installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2> /dev/null || echo 2)
# One installation or build at a time, whoever asks for it.
LOCKED := $(PYTHON) .ci/locked.py

ifneq ($(shell command -v uv 2> /dev/null),)
NEW_VENV := test -x $(BIN)/python || uv venv --quiet --no-python-downloads --python "$(PYTHON)" $(VENV)
INSTALL := uv pip install --quiet --python $(BIN)/python
else
NEW_VENV := test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
endif

.PHONY: all up test acceptance bench check soak clean build system-packages jpos-jars sanitized
all: build

# Three nested locks: `run` is what `make up` waits for, `full` follows behind its ready line, `dev` is for tests.
$(VENV)/.run: requirements/run.lock pyproject.toml setup.py
	@echo "installing what the bench needs to run into $(VENV)"
	@$(LOCKED) sh -ec '$(NEW_VENV); $(INSTALL) -r requirements/run.lock; \
	  MONETIQUE_NATIVE=0 $(INSTALL) --no-deps --no-build-isolation -e . > build/install.log 2>&1 || { cat build/install.log; exit 1; }'
	@touch $@

$(VENV)/.full $(VENV)/.dev: $(VENV)/.%: requirements/%.lock $(VENV)/.run
	@echo "installing requirements/$*.lock into $(VENV)"
	@$(LOCKED) $(INSTALL) -r requirements/$*.lock
	@touch $@

# Compiles only what has changed since the last time, and goes on where an interrupted build was.
build: $(VENV)/.full
	@$(LOCKED) $(BIN)/python setup.py -q build_ext --inplace --parallel $(JOBS)

# FOR=20 stops by itself after 20 seconds with the run's verdict; ARGS passes options of `monetique up`.
up: $(VENV)/.run
	@$(BIN)/monetique up --build $(if $(FOR),--for $(FOR)) $(ARGS)

test: $(VENV)/.dev build check system-packages jpos-jars sanitized
	@MONETIQUE_NATIVE=1 $(BIN)/python -m pytest -m "not acceptance" -n $(JOBS) --dist loadgroup

# What needs minutes of wall-clock time, or measures them: run it before you call a piece of work done.
acceptance: $(VENV)/.dev build system-packages
	@MONETIQUE_NATIVE=1 $(BIN)/python -m pytest -m acceptance

# Only CI installs system packages by itself, as root on a machine of its own.
SYSTEM_PACKAGES := tmux
system-packages:
	@command -v tmux > /dev/null || if [ "$$CI" = true ] && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -qq -y $(SYSTEM_PACKAGES) > /dev/null; else \
	  echo "tests/integration/test_terminal.py waits for: apt-get install $(SYSTEM_PACKAGES)"; fi

# For tests/fuzz; where gcc has no sanitizers it says so, and the tests that need them are skipped.
sanitized: $(VENV)/.dev
	@mkdir -p build/sanitized
	@$(LOCKED) $(BIN)/python -m tests.support.sanitized || { cat build/sanitized/log; exit 1; }

# jPOS, for the test that has a client of its own buy here. Without Java, Maven or a network that test is skipped.
JPOS_LIMIT_S := 120
jpos-jars:
	@ls build/jpos/jpos-*.jar > /dev/null 2>&1 || ! command -v mvn > /dev/null || { \
	  echo "fetching jPOS for its test"; mkdir -p build; \
	  timeout $(JPOS_LIMIT_S) mvn -q -B -f tests/support/jpos/pom.xml dependency:copy-dependencies \
	    -DoutputDirectory=$(CURDIR)/build/jpos > build/jpos.log 2>&1 \
	  || echo "jPOS could not be fetched (build/jpos.log says why): its test will be skipped"; }

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev build
	@MONETIQUE_NATIVE=1 $(BIN)/python -m tests.bench

# More seeds of the simulator, then fuzzing until it finds something or Ctrl-C.
soak: $(VENV)/.dev build sanitized
	@$(BIN)/python -m pytest tests/simulation --soak
	@$(BIN)/python -m tests.fuzz

clean:
	rm -rf $(VENV) build .monetique *.egg-info
	find switch hsm_sim loadtest \( -name '*.so' -o -name built.txt \) -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
