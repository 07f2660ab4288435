# Two commands for a newcomer: `make verify` and `make test`. Each builds its own virtual environment on first use.
PYTHON ?= python3
VERIFY_ENV := .venv/verify
DEV_ENV := .venv/dev
JOBS ?= 2
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: verify test quick lint types check bench mutants lemmas site notebooks clean

verify: $(VERIFY_ENV)/ready  ## verify the shipped certificates with the checker's dependencies alone
	@$(VERIFY_ENV)/bin/proofcheck verify --jobs $(JOBS) certificates/accept

test quick: export OMP_NUM_THREADS := 1  # of each process: threads of several fight for the cores

test: $(DEV_ENV)/ready  ## all tests, in JOBS processes
	@$(DEV_ENV)/bin/python -m pytest -n $(JOBS) --dist loadfile

quick: $(DEV_ENV)/ready  ## the tests that tests/slow_tests.txt does not name: about a minute on two idle cores
	@$(DEV_ENV)/bin/python -m pytest -n $(JOBS) --dist loadfile -m "not slow"

lint: $(DEV_ENV)/ready
	@$(DEV_ENV)/bin/ruff check .
	@$(DEV_ENV)/bin/ruff format --check .

types: $(DEV_ENV)/ready
	@$(DEV_ENV)/bin/mypy --strict proofcheck

check: lint types test verify

bench: $(DEV_ENV)/ready  ## the numbers of docs/results.md
	@$(DEV_ENV)/bin/python tests/benchmarks/run.py

mutants: $(DEV_ENV)/ready  ## 20,000 mutants of certificates, all that is accepted judged by brute force
	@$(DEV_ENV)/bin/python -m tests.soundness.mutate --count 20000 --seed 0

site: $(DEV_ENV)/ready  ## the site in docs/_build/html; every warning is an error
	@$(DEV_ENV)/bin/python -m sphinx -b html -W --keep-going -q docs docs/_build/html

notebooks: $(DEV_ENV)/ready  ## runs docs/notebooks and saves their outputs
	@$(DEV_ENV)/bin/python docs/notebooks/run.py

lemmas:  ## the machine-checked theorems (docs/proofs) and the verified checker, with Coq; installs nothing
	@$(MAKE) --no-print-directory -C docs/proofs
	@$(MAKE) --no-print-directory -C tests/verified_checker

$(VERIFY_ENV)/ready: pyproject.toml constraints.txt
	@echo "building $(VERIFY_ENV): python-flint, numpy, safetensors (no torch)"
	@$(PYTHON) -m venv $(VERIFY_ENV)
	@$(VERIFY_ENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt -e .
	@touch $@

$(DEV_ENV)/ready: pyproject.toml constraints.txt
	@echo "building $(DEV_ENV): torch, transformer-lens, pytest and others; this takes some minutes"
	@$(PYTHON) -m venv $(DEV_ENV)
	@$(DEV_ENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt torch
	@$(DEV_ENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build docs/_build docs/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
