# make app · make test · make test-extras · make lint · make bench · make model
#
# PYTHON=…  the Python 3.11 or 3.12 to make the virtual environment with
# PORT=…    where the app listens (8501), on this machine only
# PYTEST=…  what to give pytest, in place of all tests on two processes and the browser's on one
# DATA=…    the folder of training films, with sub-folders NORMAL and PNEUMONIA

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8501

.DELETE_ON_ERROR:
.PHONY: app test test-extras lint bench model chromium postgresql clean

app: $(VENV)/.app
	$(PY) -m streamlit run app.py --server.address=127.0.0.1 --server.port=$(PORT) \
	  --server.headless=true --browser.gatherUsageStats=false

test: lint chromium postgresql
ifdef PYTEST
	$(PY) -m pytest $(PYTEST)
else
	$(PY) -m pytest -n 2 --dist loadfile -m "not browser"
	$(PY) -m pytest -m browser
endif

# Ray and MLflow, which the app runs without: a real cluster of two nodes, one of them killed.
test-extras: $(VENV)/.dev postgresql
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-ray.txt \
	  -r requirements-tracking.txt
	$(PY) -m pytest tests/jobs tests/test_archive_on_ray.py tests/fine_tuning

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: $(VENV)/.dev
	$(PY) -m benchmarks

model: $(VENV)/.app
	@test -n "$(DATA)" || { echo "Expected DATA=folder with NORMAL and PNEUMONIA; received none." >&2; exit 2; }
	$(PY) -m cxr_core train "$(DATA)"

$(VENV)/.app: requirements.txt | $(PY)
	$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(PY)
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ $(VENV)/.app

# A name alone proves nothing: version managers leave stubs that fail when they are run.
$(PY):
	@for python in $(PYTHON) python3.11 python3.12 python3 python; do \
	  if "$$python" -c 'import sys, venv; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	    2>/dev/null; then echo "$$python -m venv $(VENV)"; exec "$$python" -m venv $(VENV); fi; \
	done; \
	echo "Expected Python 3.11 or 3.12 with its venv module; found neither." \
	  "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2

# The browser tests skip, with a reason, where this finds and installs none.
chromium:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy \
	    --no-install-recommends chromium; } >/dev/null || \
	    echo "Chromium could not be installed: the browser tests will skip." >&2; \
	else echo "No Chromium, and no apt-get as root: the browser tests will skip." >&2; fi

# The job table's tests start a server of their own on loopback, or skip with a reason.
postgresql:
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  { mkdir -p /etc/postgresql-common && \
	    echo "create_main_cluster = false" >> /etc/postgresql-common/createcluster.conf && \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy \
	    --no-install-recommends -o Dpkg::Options::=--force-confold postgresql; } >/dev/null || \
	    echo "PostgreSQL could not be installed: its tests will skip." >&2; \
	else echo "No PostgreSQL, and no apt-get as root: its tests will skip." >&2; fi

clean:
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
