# Everything runs in a virtual environment that the first target you call sets up from the lock.
# PYTHON chooses the interpreter for it (3.11, 3.12 or 3.13):  make run PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SAMPLE := 3000

.DEFAULT_GOAL := help
.PHONY: help run test lab best check-up pack exercises nbgrader handout notebooks address browser cluster grading bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## execute the whole series into build/, on the best data there is
	$(BIN)/python -m fashion_utils.workshop.run $(ARGS)

test: $(READY) ## lint, unit tests, structure tests, and every notebook on a sample of the data
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "The notebooks run beside the unit tests; what nbval says of them comes at the end, and into build/nbval.txt."
	@mkdir -p build; FASHION_SAMPLE=$(SAMPLE) $(BIN)/python -m pytest --nbval-lax --nbval-current-env \
		--nbval-cell-timeout=300 notebooks > build/nbval.txt 2>&1 & notebooks=$$!; trap 'kill $$notebooks' INT TERM; \
	$(BIN)/python -m pytest -m "not slow"; unit=$$?; wait $$notebooks; notebooks=$$?; \
	cat build/nbval.txt; exit $$((unit || notebooks))

lab: $(READY) ## open JupyterLab on the notebooks; ARGS="--ip=0.0.0.0 --port=8888" are its own
	@$(BIN)/jupyter lab notebooks $(ARGS) || { status=$$?; [ "$$(id -u)$(findstring --allow-root,$(ARGS))" != 0 ] || \
		echo "If JupyterLab refused to run as root, allow it with: make lab ARGS=--allow-root"; exit $$status; }

best: $(READY) ## train the best recipe of notebook 7, a quarter of an hour, once; ARGS=--all trains them all
	$(BIN)/python -m fashion_utils.workshop.best $(ARGS)

check-up: ## is this machine ready for a workshop? installs, downloads and changes nothing
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m fashion_utils; else $(PYTHON) -m fashion_utils; fi

pack: $(READY) ## prepare a folder for machines without a network: make pack DIR=/media/usb
	@$(BIN)/python -m fashion_utils.workshop.pack "$(DIR)"

exercises: $(READY) ## write a learners' copy without solutions and outputs into build/exercises/
	$(BIN)/python -m fashion_utils.workshop.learners

nbgrader: $(READY) ## write the exercises as assignments for nbgrader, which grades answers, into build/nbgrader/
	$(BIN)/python -m fashion_utils.workshop.nbgrader

handout: $(READY) ## write the series as HTML pages that need no network to build/handout/; executes nothing
	$(BIN)/python -m fashion_utils.workshop.handout $(ARGS)

notebooks: $(READY) ## execute the series on the full real data and keep the results in notebooks/
	$(BIN)/python -m fashion_utils.workshop.run --refresh

address: $(READY) ## write the repository's address, from pyproject.toml, into the first cell of every notebook
	$(BIN)/python -m fashion_utils.workshop.address

browser: $(READY) ## run every notebook in the real JupyterLab in headless Chromium; screenshots in build/browser/
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/browser/requirements.txt; then \
		$(BIN)/python -m pytest -rs tests/browser/run_in_jupyterlab.py; \
	else \
		echo "Playwright cannot be installed, so there is no browser test."; \
	fi

cluster: $(READY) ## run experiments on a Dask cluster that is started on this machine
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/cluster/requirements.txt; then \
		$(BIN)/python -m pytest -rs tests/cluster/run_on_dask.py; \
	else \
		echo "Dask cannot be installed, so there is no test on a cluster."; \
	fi

grading: $(READY) ## have the real nbgrader grade answers, from an environment of its own in build/
	@if $(BIN)/python -m venv build/nbgrader-venv && build/nbgrader-venv/bin/python -m pip install --quiet \
		--disable-pip-version-check --require-hashes -r tests/grading/requirements.txt; then \
		PATH="$$PWD/build/nbgrader-venv/bin:$$PATH" $(BIN)/python -m pytest -rs tests/grading/run_nbgrader.py; \
	else \
		echo "nbgrader cannot be installed, so there is no test with it."; \
	fi

bench: $(READY) ## measure training speed, and networks an hour by workers; the tables go to build/bench/
	$(BIN)/python -m benchmarks.bench_training $(ARGS)
	$(BIN)/python -m benchmarks.bench_experiments $(ARGS)

lock: $(READY) ## bring requirements.txt up to date with pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.txt

clean: ## remove the environment, the results and the trained models
	rm -rf $(VENV) build artifacts

$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, 3.12 or 3.13, or name yours with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "This needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is another: name one with PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv) or name another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'from fashion_utils.workshop import machine; machine.main()'
	@echo "Setting up $(VENV), once: about 500 MB to download, 2 GB on disk."
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
