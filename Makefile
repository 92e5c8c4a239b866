# Halyard's commands. Each fetches what it needs first (tools/bootstrap.py); after the first time that takes no time.
#
#   make up           run everything on this machine: relay, daemon, web app, already paired
#   make demo         the same with a scripted model, for people without an API key
#   make test         all tests          make check   lint, types, contract, generated code, import rules
#   make gen          write gen/ from proto/
#   make bench        measure the claims in README
#   make chaos        twenty rounds of killing and cutting, then count what was lost (docs/chaos.md)
#   make screenshots  pictures of every screen, in screenshots/

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BOOTSTRAP = @$(PYTHON) tools/bootstrap.py
IN_VENV = PATH="$(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$$PATH"
# tests/conftest.py keeps those that would starve one another in two lanes; a third worker fills their pauses.
WORKERS ?= 3
ARGS ?=

.DEFAULT_GOAL := up
.PHONY: up demo test check gen bench chaos screenshots

up:
	$(BOOTSTRAP) app any-opencode terminal-tools
	@PATH="$$PATH:$(CURDIR)/node_modules/.bin" .venv/bin/agentd up $(ARGS)

demo:
	$(BOOTSTRAP) app opencode terminal-tools
	@PATH="$(CURDIR)/node_modules/.bin:$$PATH" .venv/bin/agentd up --demo $(ARGS)

test:
	$(BOOTSTRAP) dev opencode test-programs
	@$(IN_VENV) python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

check:
	$(BOOTSTRAP) dev
	@$(IN_VENV) python -m tools.check

gen:
	$(BOOTSTRAP) dev
	@$(IN_VENV) python -m tools.generate

bench:
	$(BOOTSTRAP) dev opencode
	@$(IN_VENV) python -m tools.bench $(ARGS)

chaos:
	$(BOOTSTRAP) dev opencode terminal-tools
	@$(IN_VENV) python -m bench.chaos --rounds 20 $(ARGS)

screenshots:
	$(BOOTSTRAP) dev opencode test-programs
	@$(IN_VENV) python -m pytest tests/browser/test_screenshots.py --screenshots screenshots $(ARGS)
