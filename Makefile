# Two commands do all the set-up: `make demo` and `make test`. Everything installs into .venv, hash-pinned.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test coverage test-laws mutants breaks mutated-plans package judges test-chaos test-spec test-recorded test-az test-sdk test-kql test-editor test-browser vendor lint bench docs lock clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/.run: requirements-install.txt pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements-install.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@

demo: $(VENV)/.run  ## the main job on the embedded Azure, end to end
	@$(BIN)/python -m reconciler demo

test: $(VENV)/.dev  ## the tests
	@$(BIN)/python -m pytest -n auto

COUNTED := COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml COVERAGE_FILE=$(CURDIR)/.coverage
coverage: $(VENV)/.dev  ## the tests again, with lines and branches counted in every process; fails below the floor
	@rm -f .coverage .coverage.*
	@$(COUNTED) $(BIN)/python -m pytest -n auto
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

LAW_EXAMPLES ?= 5000
test-laws: $(VENV)/.dev  ## the laws on thousands of tenants (LAW_EXAMPLES=5000 each)
	@EXEMPT_LAW_EXAMPLES=$(LAW_EXAMPLES) $(BIN)/python -m pytest -n auto tests/laws

MUTANTS ?= 100
ROOM ?=
SEED ?=
.venv-mutants/.ready: requirements-dev.txt requirements-mutants.txt
	@test -x .venv-mutants/bin/python || $(PYTHON) -m venv .venv-mutants
	@.venv-mutants/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-dev.txt
	@.venv-mutants/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-mutants.txt
	@.venv-mutants/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@

mutants: .venv-mutants/.ready  ## small changes that the tests must notice, nine in ten: MUTANTS=100 of each ROOM="planning applying", SEED=today
	@.venv-mutants/bin/python scripts/mutants.py $(ROOM) --mutants $(MUTANTS) $(if $(SEED),--seed $(SEED))

test-spec: $(VENV)/.dev  ## the embedded Azure against Microsoft's OpenAPI: SPECS=folder of specifications
	@test -n "$(SPECS)" || { echo "usage: make test-spec SPECS=folder"; exit 1; }
	@SPECS="$(SPECS)" $(BIN)/python -m pytest tests/emulator/openapi_conformance.py tests/emulator/official_examples.py

test-recorded: $(VENV)/.dev  ## the embedded Azure against recorded exchanges: RECORDINGS=folder of recordings
	@test -n "$(RECORDINGS)" || { echo "usage: make test-recorded RECORDINGS=folder"; exit 1; }
	@RECORDINGS="$(RECORDINGS)" $(BIN)/python -m pytest tests/emulator/recorded_exchanges.py

test-az: $(VENV)/.dev  ## the embedded Azure, and what messages propose, with the unmodified Azure CLI (700 MB, in .venv-az)
	@test -x .venv-az/bin/az || { $(PYTHON) -m venv .venv-az && .venv-az/bin/pip install --quiet azure-cli==2.91.0; }
	@AZ=.venv-az/bin/az $(BIN)/python -m pytest tests/emulator/az_client.py

test-sdk: $(VENV)/.dev  ## the embedded Azure against typed SDKs (in .venv-sdk)
	@test -x .venv-sdk/bin/python || { $(PYTHON) -m venv .venv-sdk && \
	  .venv-sdk/bin/pip install --quiet azure-mgmt-resource==24.0.0 azure-identity==1.27.0 aiohttp \
	  azure-mgmt-resourcegraph==8.0.1 azure-mgmt-security==7.0.0 azure-mgmt-managementgroups==2.0.0 \
	  azure-mgmt-authorization==4.0.0 azure-mgmt-policyinsights==1.0.1; }
	@SDK_PYTHON=.venv-sdk/bin/python $(BIN)/python -m pytest tests/emulator/sdk_client.py

test-kql: $(VENV)/.dev  ## Resource Graph against Microsoft's parser (npm) and another engine (in .venv-kql)
	@test -d .venv-kql/node_modules || npm install --silent --prefix .venv-kql @kusto/language-service-next@12.4.1
	@test -x .venv-kql/bin/python || { $(PYTHON) -m venv .venv-kql && \
	  .venv-kql/bin/pip install --quiet duckdb-kql==1.1.2 duckdb==2.0.1 pytz; }
	@KQL_NODE=.venv-kql KQL_PYTHON=.venv-kql/bin/python $(BIN)/python -m pytest tests/emulator/kql_judges.py

test-browser: $(VENV)/.dev  ## the register's page in the system's Chromium, with axe-core (npm, in .venv-browser)
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { echo "install chromium and its driver first"; exit 1; }
	@test -d .venv-browser/node_modules || { mkdir -p .venv-browser && cp scripts/vendor/package*.json .venv-browser/ && npm ci --silent --ignore-scripts --prefix .venv-browser; }
	@BROWSER_NODE=.venv-browser $(BIN)/python -m pytest tests/browser/register_page.py

vendor:  ## the scripts of the register's page anew, from npm, at the versions of scripts/vendor/package.json
	@$(BIN)/python scripts/vendor.py

test-editor: $(VENV)/.dev  ## hover and completion in the YAML language server that editors run (npm, in .venv-editor)
	@test -d .venv-editor/node_modules || npm install --silent --prefix .venv-editor yaml-language-server@1.25.0
	@EDITOR_NODE=.venv-editor $(BIN)/python -m pytest tests/editor/language_server.py

PACKAGE := build/package
package: $(VENV)/.dev  ## as people install it: the wheel in a fresh environment, the pre-commit hook, the README's lines for uv, pipx and pip
	@rm -rf $(PACKAGE) && mkdir -p $(PACKAGE)
	@$(PIP) install --require-hashes -r requirements-install.txt
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir $(PACKAGE) .
	@$(PYTHON) -m venv $(PACKAGE)/venv
	@$(PACKAGE)/venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements.txt
	@$(PACKAGE)/venv/bin/python -m pip --disable-pip-version-check --quiet install --no-deps $(PACKAGE)/*.whl
	@cd $(PACKAGE) && venv/bin/exempt --version && venv/bin/exempt demo --keep demo >demo.txt && tail -n 1 demo.txt && \
	  cd demo && ../../../scripts/pre-commit validate && ../../../scripts/pre-commit fmt --check
	@rm -rf .pre-commit-venv
	@$(PACKAGE)/venv/bin/python -m pip --disable-pip-version-check --quiet install pipx==1.18.4
	@set -e; cd $(PACKAGE); from="exempt @ git+file://localhost$(CURDIR)@$$(git rev-parse HEAD)"; export PIPX_HOME=$$PWD/pipx PIPX_BIN_DIR=$$PWD/bin; \
	  venv/bin/pipx install --quiet "$$from"; bin/exempt --version; \
	  $(PYTHON) -m venv hashed; hashed/bin/python -m pip --quiet install --require-hashes -r ../../requirements-install.txt; \
	  hashed/bin/python -m pip --quiet install --no-deps --no-build-isolation "$$from"; hashed/bin/exempt --version; \
	  if command -v uv >/dev/null; then export UV_TOOL_DIR=$$PWD/uv-tools UV_TOOL_BIN_DIR=$$PWD/uv-bin; uv tool install --quiet "$$from"; uv-bin/exempt --version; fi
	@if command -v uv >/dev/null; then UV_PROJECT_ENVIRONMENT=$(PACKAGE)/uv VIRTUAL_ENV=$(CURDIR)/$(PACKAGE)/uv sh -c ' \
	  uv venv --quiet $(PACKAGE)/uv && uv pip install --quiet --require-hashes -r requirements-dev.txt && \
	  uv pip install --quiet --no-deps --no-build-isolation -e . && $(PACKAGE)/uv/bin/python -m reconciler --version' && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; fi

JUDGES := coverage mutants breaks mutated-plans test-laws test-chaos fuzz bench test-az test-sdk test-kql test-editor package \
  $(if $(SPECS),test-spec) $(if $(RECORDINGS),test-recorded)
judges:  ## all that judges the tests and the product and is too slow for each push, as .github/workflows/nightly.yml does; SPECS= and RECORDINGS=, where there are such folders
	@for judge in $(JUDGES); do echo "== $$judge"; $(MAKE) --no-print-directory $$judge || failed="$$failed $$judge"; done; \
	  [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

breaks: $(VENV)/.dev  ## take each promise of tests/breaks out of a scratch copy; the tests that it names must fail
	@$(BIN)/python scripts/breaks.py

MUTATED_PLANS ?= 100000
mutated-plans: $(VENV)/.dev  ## the checker on mutated plans: none bad accepted, none good refused (MUTATED_PLANS=100000)
	@PYTHONPATH=tests $(BIN)/python -m verification.mutated_plans $(MUTATED_PLANS)

test-chaos: $(VENV)/.dev  ## the whole fault walk: every fault at every request
	@EXEMPT_CHAOS=1 $(BIN)/python -m pytest -n auto tests/chaos

lint: $(VENV)/.dev  ## ruff, mypy, import-linter, workflows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/generate.py --check
	@$(BIN)/python scripts/lint_house.py
	@$(BIN)/zizmor --quiet --offline --persona=pedantic .github action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.azure-pipelines --data-transform azure-pipelines --regex-variant nonunicode azure-pipelines/[adprv]*.yml azure-pipelines/status.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --check-metaschema schemas/*.json

bench: $(VENV)/.dev  ## the benchmarks, by hand
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.dev  ## the documentation as a site, in build/site
	@$(BIN)/python scripts/site.py

lock:  ## regenerate the hash-pinned requirements (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements-dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group build -o requirements-install.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --group mutants -c requirements-dev.txt -o requirements-mutants.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --group release --group build -o requirements-release.txt

FUZZ_SECONDS ?= 300
.fuzz/bin/atheris: requirements.txt
	@$(PYTHON) -m venv .fuzz
	@.fuzz/bin/python -m pip --disable-pip-version-check --quiet install -r requirements.txt
	@.fuzz/bin/python -m pip --disable-pip-version-check --quiet install atheris==3.0.0 && touch $@

fuzz: .fuzz/bin/atheris  ## coverage-guided garbage for the loader, by hand (atheris, in an environment of its own)
	@PYTHONPATH=. .fuzz/bin/python scripts/fuzz.py -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=.fuzz/

clean:  ## remove the environment and caches
	rm -rf $(VENV) .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis
