# Every target sets up what it needs by itself: the virtual environment in .venv, the packages, the corpora.
# Flags of a script go into ARGS:      make train-chargen ARGS="--cell lstm --epochs 5"
# Another Python (3.11 or newer):      make setup PYTHON=python3.12

PYTHON ?= python3
ARGS ?=
TASKS := chargen pos_tagging sentiment toy_sequence
TOYS := train masking topologies binary_addition/numpy_bptt binary_addition/sweep binary_addition/keras_cells \
	memory/vanishing_gradient memory/lags memory/from_scratch memory/parallel_scan memory/relatives \
	methods/optimizers methods/digits methods/forecast methods/vae methods/gan methods/t_maze
RUN := .venv/bin/python
COLAB_PYTHON ?= $(shell python3.13 -c "" 2> /dev/null && echo python3.13 || echo $(PYTHON))
SETUP := .venv/.installed

.DEFAULT_GOAL := help
.NOTPARALLEL:
# No target is a file: those of this Makefile, and those of each task.
.PHONY: $(shell sed -n 's/^\([a-z_-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST))) $(foreach task,$(TASKS),\
	train-$(task) eval-$(task) minimal-$(task) export-$(task) tune-$(task))

help: ## list the targets (the default)
	@echo "make TARGET [ARGS=\"flags of the script\"]"; echo
	@sed -n -e 's/^$$(TASKS.*: \([a-z]*-\)%: .*## /  \1TASK \t/p' -e 's/^\([a-z_-]*\):.*## /  \1 \t/p' $(MAKEFILE_LIST) | expand -t 24
	@echo; echo "TASK: $(TASKS)"

setup: $(SETUP) ## make .venv and install requirements.txt

$(SETUP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make setup PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.installed-%: requirements-%.txt $(SETUP) # what a target needs besides requirements.txt
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

data: $(SETUP) ## find or download the corpora
	@$(RUN) -m common.corpora

train: $(TASKS:%=train-%) ## train and evaluate all four tasks, then print one table (under 10 minutes)
	@echo; $(RUN) -m common.tables

$(TASKS:%=train-%): train-%: data ## train and evaluate one task
	@echo; echo "=== $* ==="
	$(RUN) $*/train.py $(ARGS)

minimal: $(TASKS:%=minimal-%) ## the classic model of each task on one page of plain Keras (6 minutes)

$(TASKS:%=minimal-%): minimal-%: data ## one of them; its picture in runs/minimal
	@echo; echo "=== $* ==="
	@TF_CPP_MIN_LOG_LEVEL=3 $(RUN) $*/minimal.py

eval: $(TASKS:%=eval-%) ## evaluate the newest run of each task anew
	@echo; $(RUN) -m common.tables

$(TASKS:%=eval-%): eval-%: $(SETUP) ## evaluate the newest run of one task
	@echo; echo "=== $* ==="
	$(RUN) $*/eval.py $(ARGS)

report: $(SETUP) ## a page about the newest run of each task: runs/report/index.html
	@$(RUN) -m common.report $(ARGS)

list: $(SETUP) ## list all runs; ARGS="RUN RUN" puts some side by side
	@$(RUN) -m common.compare_runs $(ARGS)

ja: .venv/.installed-ja ## install Janome, which splits Japanese sentences into words (--tokenizer janome)

tensorboard: $(SETUP) ## curves, samples and embeddings of all runs in the browser
	@TF_CPP_MIN_LOG_LEVEL=3 .venv/bin/tensorboard --logdir runs $(ARGS)

demo: $(SETUP) ## a page to play with the trained models, at http://127.0.0.1:8000
	@$(RUN) -m demo.server $(ARGS)

$(TASKS:%=tune-%): tune-%: data .venv/.installed-tune ## search for better hyperparameters of one task, on validation (hours)
	$(RUN) $*/tune.py $(ARGS)

seeds: data ## train each task's default with five seeds, and print how far the figures spread (half an hour)
	@$(RUN) -m common.seeds $(ARGS)

$(TASKS:%=export-%): export-%: $(SETUP) ## write the newest model of one task into files that run without this project
	@case "$(ARGS)" in *onnx* | *litert*) $(MAKE) --no-print-directory .venv/.installed-export;; esac
	@$(RUN) $*/export.py $(ARGS)

compare-chargen: data .venv/.installed-compare ## compressors, n-grams and the newest network in one table (2 minutes)
	@$(RUN) chargen/compare.py $(ARGS)

compare-pos_tagging: data ## train all taggers, the classical ones too, and print one table (15 minutes)
	$(RUN) pos_tagging/compare.py $(ARGS)

compare-sentiment: data ## ten models of the sentences side by side, under three protocols (5 minutes)
	@$(RUN) sentiment/compare.py $(ARGS)

site: $(SETUP) ## write a static page on which the character model writes in the browser, in runs/site
	@$(RUN) playground/build.py $(ARGS)

quick: $(SETUP) ## all four tasks at toy size on the generated sample, in runs/quick (two minutes)
	$(RUN) chargen/train.py --runs runs/quick --data sample --epochs 1 --hidden-size 32 --batch-size 64
	$(RUN) pos_tagging/train.py --runs runs/quick --data sample --epochs 1 --hidden-size 16
	$(RUN) sentiment/train.py --runs runs/quick --data sample --epochs 1 --hidden-size 16
	$(RUN) toy_sequence/train.py --runs runs/quick --epochs 1
	@echo; $(RUN) -m common.tables --runs runs/quick

toys: $(SETUP) ## run all scripts of toy_sequence (20 minutes); their pictures in runs/toys/pictures
	@set -e; for script in $(TOYS); do \
		echo; echo "=== $$script ==="; $(RUN) toy_sequence/$$script.py --runs runs/toys $(ARGS); done
	@mkdir -p runs/toys/pictures; cp runs/toys/*/latest/*.png runs/toys/pictures/
	@echo; echo "all pictures are in runs/toys/pictures"

test: $(SETUP) ## run the tests
	$(RUN) -m pytest $(ARGS)

test-all: $(SETUP) ## run the slow ones too, which kill trainings and workers for minutes
	$(RUN) -m pytest -m "not browser" $(ARGS)

test-browser: .venv/.installed-browser ## use the page of `make demo` in Chromium; its pictures in runs/browser
	@command -v chromium google-chrome >/dev/null || .venv/bin/playwright install chromium
	$(RUN) -m pytest -n 0 -m browser tests/browser $(ARGS)

fuzz: $(SETUP) ## try over 10,000 bad inputs on every parser and every flag (a few minutes)
	FUZZ=1300 $(RUN) -m pytest -n 0 -s tests/test_fuzz.py $(ARGS)

mutants: .venv/.installed-mutation ## break the code in one place after another: do the tests notice? (hours)
	$(RUN) tests/mutants.py $(ARGS)

train-distributed: data ## train chargen with two workers on this machine
	$(RUN) -m common.distributed 2 chargen/train.py $(ARGS)

test-oldest: ## run the tests with the oldest packages that requirements.txt allows, in .venv-oldest
	$(PYTHON) -m venv .venv-oldest
	sed -n 's/^\([a-z-]*\)>=\([0-9.]*\),.*/\1==\2/p' requirements.txt > .venv-oldest/constraints.txt
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check -c .venv-oldest/constraints.txt -r requirements.txt
	.venv-oldest/bin/python -m pytest -m "not browser" $(ARGS)

notebooks: .venv-colab/.installed ## make the notebooks from the scripts and execute them, with Colab's versions (10 minutes)
	.venv-colab/bin/python notebooks/build.py $(ARGS)

test-colab: .venv-colab/.installed ## execute all notebooks with the Python and the packages that Colab has, and keep nothing
	.venv-colab/bin/python notebooks/build.py --check $(ARGS)

.venv-colab/.installed: requirements-notebooks.txt
	$(COLAB_PYTHON) -m venv .venv-colab
	.venv-colab/bin/pip install --quiet --disable-pip-version-check -r requirements-notebooks.txt
	touch $@

audit: $(SETUP) ## look up known vulnerabilities of the installed packages (needs network)
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check "pip-audit>=2.10.1,<3"
	.venv/bin/pip freeze --exclude-editable > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r .venv-audit/installed.txt

lint: $(SETUP) ## check style, format, and which file may import which
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo --no-cache

bench: data .venv-bench/.installed ## compare each task with the classic scripts' way and with PyTorch (15 minutes)
	@$(RUN) benchmarks/tasks.py .venv-bench/bin/python

bench-tagging: data ## words a second of the newest tagger, beside NLTK's perceptron
	@$(RUN) benchmarks/tagging.py

bench-scale: $(SETUP) ## training speed and memory by text, sequence and batch size (10 minutes)
	@$(RUN) benchmarks/scale.py

bench-layers: $(SETUP) .venv-bench/.installed ## compare the recurrent layers with Keras's and PyTorch's (5 minutes)
	@$(RUN) benchmarks/layers.py .venv-bench/bin/python

.venv-bench/.installed: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean: ## remove .venv and caches; runs/ and data/ stay
	rm -rf .venv .venv-* .mutants .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
