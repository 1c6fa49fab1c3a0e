# The front door. Everything is built inside this folder; paths are relative, so that a checkout or
# a HOME with a space in its name works.

ARGS ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

# Every process here imports the same modules: compiling them each time makes 1.2 s of a start 2.0.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run dev demo db-migrate mock-banks test test-all mutate check bench fmt schema lock clean

help: ## Say what each target does.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: ## Start everything and take payments before your eyes; Ctrl-C stops it in order.
	@tools/environment run
	@$(BIN)/tallystick up $(ARGS)

dev: run ## The same as run.

demo: ## Take 200 payments, prove the books, end.
	@tools/environment run
	@$(BIN)/tallystick demo --payments 200 --once $(ARGS)

db-migrate: ## Bring the database's tables up to date.
	@tools/environment run
	@$(BIN)/tallystick migrate $(ARGS)

mock-banks: ## Start only the simulated banks.
	@tools/environment run
	@$(BIN)/tallystick sandbox $(ARGS)

test: ## Run every test but the slow ones; fails below 85 % line coverage.
	@tools/environment dev
	@$(PYTEST) -q -n logical --maxprocesses=4 --dist worksteal -m "not slow" --cov --cov-report= $(ARGS)

test-all: ## Run every test, the slow ones too.
	@tools/environment dev
	@$(PYTEST) -q -n logical --maxprocesses=4 --dist worksteal --cov --cov-report= $(ARGS)

mutate: ## Sow faults into the judge and into money; fails if more than one of ten goes unnoticed.
	@tools/environment dev
	@rm -rf mutants
	@nice -n 10 $(BIN)/python -m mutmut run
	@$(BIN)/python -m tools.mutants

check: ## Formatting, lint, types, layers, dependencies, security and the rules of the house.
	@tools/environment dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry src
	$(BIN)/bandit -q -ll -c pyproject.toml -r src
	$(PYTEST) -q tests/house_rules

bench: ## Measure against pgbench in the same run; ONLY=P1,P2 picks, QUICK=1 shortens.
	@tools/environment dev
	@ONLY="$(ONLY)" QUICK="$(QUICK)" $(BIN)/python -m bench $(ARGS)

fmt: ## Format the code and mend what can be mended safely.
	@tools/environment dev
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

schema: ## Write docs/reference/schema.sql anew from the migrations.
	@tools/environment dev
	@$(BIN)/python -m tools.schema

lock: ## Pin the dependencies of pyproject.toml anew; UPGRADE=1 takes newer versions.
	@tools/environment lock

clean: ## Remove what was built; the data in .tallystick stays.
	rm -rf .venv .venv-boot dist mutants .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
