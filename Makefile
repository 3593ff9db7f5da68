# One-line recipes; each also works by hand with .venv/bin in front. VENV and PYTHON may be given: make test VENV=/tmp/venv
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= data

.PHONY: setup fix check test test-slow demo figures

setup:  # an environment with everything that work on facemend needs
	$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q -c requirements.lock -e '.[dev]'

fix:  # mend what can be mended by a tool
	$(BIN)/ruff check -q --fix && $(BIN)/ruff format -q

check:  # style, types, layers
	$(BIN)/ruff check -q && $(BIN)/ruff format -q --check && $(BIN)/pyright --pythonpath $(BIN)/python && $(BIN)/lint-imports

test:  # every test that takes less than a few seconds, on two processes
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

test-slow:  # the others
	$(BIN)/pytest -m slow

demo:  # a portrait restored under several masks, in demo/
	$(BIN)/facemend demo --output demo --overwrite

figures:  # the report that the README and the model card quote; DATA is a folder with dev.zip and nvidia_masks_dev.zip
	$(BIN)/facemend evaluate $(DATA)/dev.zip --protocol dev-nvidia --masks $(DATA)/nvidia_masks_dev.zip --model default --baseline telea,ns
