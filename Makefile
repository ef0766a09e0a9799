# Four verbs: `make up` (run the bench), `make test`, `make bench`, `make check`.
# All that is assumed: Python 3.11+ with venv and headers, gcc, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Sources in Python are among them: rules and shell are compiled as they stand.
SOURCES := $(shell find ext switch/core switch/cards switch/iso8583 switch/net switch/schemes switch/store -name '*.pyx' -o -name '*.pxd' -o -name '*.py') switch/native.py
STAMP := $(VENV)/.installed
BUILT := $(VENV)/.built
SANITIZED := build/sanitized/.built

.PHONY: all up test bench check soak clean build jpos-jars
all: build

$(STAMP): requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the packages of requirements.lock into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

$(BUILT): $(STAMP) $(SOURCES) setup.py pyproject.toml
	@echo "building the native modules"
	@mkdir -p build
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . > build/install.log 2>&1 \
	  || { cat build/install.log; exit 1; }
	@touch $@

# For tests/fuzz; where gcc has no sanitizers it says so, and the tests that need them are skipped.
$(SANITIZED): $(BUILT)
	@echo "building the native modules with sanitizers"
	@mkdir -p $(@D)
	@$(BIN)/python -m tests.support.sanitized || { cat $(@D)/log; exit 1; }
	@touch $@

build: $(BUILT)

# FOR=20 stops by itself after 20 seconds with the run's verdict; ARGS passes options of `monetique up`.
up: build
	@$(BIN)/monetique up $(if $(FOR),--for $(FOR)) $(ARGS)

test: build check jpos-jars $(SANITIZED)
	@$(BIN)/python -m pytest

# jPOS, for the test that has a client of its own buy here. Without Java, Maven or a network that test is skipped.
JPOS_LIMIT_S := 120
jpos-jars:
	@ls build/jpos/jpos-*.jar > /dev/null 2>&1 || ! command -v mvn > /dev/null || { \
	  echo "fetching jPOS for its test"; mkdir -p build; \
	  timeout $(JPOS_LIMIT_S) mvn -q -B -f tests/support/jpos/pom.xml dependency:copy-dependencies \
	    -DoutputDirectory=$(CURDIR)/build/jpos > build/jpos.log 2>&1 \
	  || echo "jPOS could not be fetched (build/jpos.log says why): its test will be skipped"; }

check: build
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: build
	@$(BIN)/python -m tests.bench

# More seeds of the simulator, then fuzzing until it finds something or Ctrl-C.
soak: build $(SANITIZED)
	@$(BIN)/python -m pytest tests/simulation --soak
	@$(BIN)/python -m tests.fuzz

clean:
	rm -rf $(VENV) build .monetique *.egg-info
	find switch hsm_sim loadtest -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
