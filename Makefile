# Everything goes through here; each target sets up what it needs (Python >= 3.11 and make are enough).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXPERIMENT ?= embedded
WORKERS ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())")
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder # what a file shares is made once
READY := $(VENV)/.ready
KNOWN_MODEL = $(if $(wildcard conf/model/$(MODEL).yaml),,$(error there is no conf/model/$(MODEL).yaml; make model MODEL=NAME))
KNOWN = $(if $(wildcard conf/method/$(METHOD).yaml),,$(error there is no conf/method/$(METHOD).yaml; make method METHOD=NAME))

.DEFAULT_GOAL := help
.PHONY: help setup reproduce smoke ablation safety stopping transfer reference method model tables verify readme test test-fast test-slow test-slurm \
	lint format benchmark clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## virtual environment with the pinned versions

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned versions into $(VENV): about 2 minutes on a fast line and 3 GB on disk"
	@echo "with torch for CPUs only (its CUDA build is larger). pip names each package as it comes."
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar=on -c constraints.txt -e '.[dev]'
	touch $(READY)

reproduce: $(READY) ## run EXPERIMENT (default: embedded) on WORKERS processes and print its tables
	$(BIN)/python -m bench run experiment=$(EXPERIMENT) hydra/launcher=joblib hydra.launcher.n_jobs=$(WORKERS)

smoke: ## three small tables, all methods, about a minute
	$(MAKE) reproduce EXPERIMENT=smoke

ablation: ## every generator alone and mixed with real rows, 35 to 45 minutes on two cores
	$(MAKE) reproduce EXPERIMENT=ablation

stopping: ## every stopping rule, on the embedded tables that none was found on, forty minutes on two cores
	$(MAKE) reproduce EXPERIMENT=stopping

safety: ## how far fine-tuning may overshoot: methods and rivals x learning rates, one to two hours on two cores
	$(MAKE) reproduce EXPERIMENT=safety

transfer: ## across domains: fine-tuned on healthcare's tables, used on finance's, and back; 90 to 150 minutes on two cores
	$(MAKE) reproduce EXPERIMENT=transfer
	$(MAKE) reproduce EXPERIMENT=transfer_within
	$(MAKE) reproduce EXPERIMENT=transfer_other
	$(MAKE) reproduce EXPERIMENT=transfer_finetuned

reference: $(READY) ## all kept runs again, one after the other, into results/reference; some 17 hours on two cores, goes on where it was
	$(BIN)/python -m scripts.make_reference --workers $(WORKERS)

method: $(READY) ## hold METHOD to the conformance suite, then rank it, mixed and alone: METHOD=NAME
	$(BIN)/python -m pytest -q tests/generators/test_generators.py -k $(METHOD)$(KNOWN)
	$(BIN)/python -m bench run experiment=$(EXPERIMENT) hydra/launcher=joblib hydra.launcher.n_jobs=$(WORKERS) \
	  'methods=[pretrained,default_ft,bootstrap,$(METHOD),"$(METHOD) method.mixing.rows=synthetic method.name=$(METHOD)-alone"]'

model: $(READY) ## hold MODEL to its conformance suite, then rank EXPERIMENT's methods on it: MODEL=NAME
	$(BIN)/python -m pytest -q tests/models/test_models_conform.py -k $(MODEL)$(KNOWN_MODEL)
	$(BIN)/python -m bench run experiment=$(EXPERIMENT) model=$(MODEL) results_dir=results/$(EXPERIMENT)-$(MODEL) \
	  hydra/launcher=joblib hydra.launcher.n_jobs=$(WORKERS)

tables: $(READY) ## tables, figures and the page of EXPERIMENT again, from its records
	$(BIN)/python -m bench report results/$(EXPERIMENT)

test: $(READY) ## the tests, without those marked slow, network, gpu or slurm
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not network and not gpu and not slurm"

test-fast: $(READY) ## the tests without those marked long as well: two minutes, between two thoughts
	$(BIN)/python -m pytest $(PARALLEL) -m "not long and not slow and not network and not gpu and not slurm"

test-slurm: $(READY) ## sweeps on a SLURM of this machine (root, and slurmctld slurmd slurm-client munge)
	$(BIN)/python -m pytest -m slurm

test-slow: $(READY) ## the tests marked slow
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## style and types, as before each commit (.pre-commit-config.yaml) and in CI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

verify: $(READY) ## make some cells of EXPERIMENT's reference run again and compare them
	$(BIN)/python -m bench verify results/reference/$(EXPERIMENT)

readme: $(READY) ## what README, model card, results/reference and the estimator say of the kept runs again, from their records
	$(BIN)/python -m scripts.update_readme
	$(BIN)/python -m scripts.update_experience

benchmark: $(READY) ## our fine-tuning and estimator against AutoGluon's, both in one run
	$(BIN)/python -m scripts.benchmark_finetune
	$(BIN)/python -m scripts.benchmark_estimator

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
