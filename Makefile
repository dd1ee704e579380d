# Each target is one line over the scripts; the README spells out the plain commands.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
# processes share the cores; a file stays in one of them, for its fixtures
SPREAD := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: run test test-slow check bench reproduce
run: $(VENV)/run.done
	$(BIN)/loupe app
test: $(VENV)/test.done
	$(BIN)/python -m pytest $(SPREAD)
test-slow: $(VENV)/test.done
	$(BIN)/python -m pytest $(SPREAD) -m slow
check: $(VENV)/test.done
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
bench: $(VENV)/run.done
	for name in app_start feature_store answering; do $(BIN)/python bench/$$name.py || exit 1; done
reproduce: $(VENV)/run.done
	$(BIN)/python bench/reproduce.py

# torch first and alone: pip then keeps the build it finds (a local CPU wheel, an index of yours)
$(VENV)/torch.done: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	touch $@
$(VENV)/run.done: requirements.txt pyproject.toml $(wildcard vlm/checkpoints/everyday/config.json) $(VENV)/torch.done
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	-test ! -f vlm/checkpoints/everyday/config.json || $(BIN)/loupe fetch smollm2-135m  # offline, moda-mini answers
	touch $@
$(VENV)/test.done: requirements-test.txt $(VENV)/run.done
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements-test.txt
	-$(BIN)/loupe fetch smollm2-135m efficientnet-lite0  # offline, their tests are skipped and moda-mini answers
	touch $@
