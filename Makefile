# `make demo` and `make test` are all that a newcomer needs; see README.md.
GO          ?= go
BIN         := bin/bidhawk
VERSION     := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build demo test sim sim-mutants e2e bench replay check console console-test fuzz clean

build:
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/bidhawk

# A DSP on a fresh directory, 60 s of an exchange, and the reconciliation.
# DEMO_FOREVER=1 keeps it running; DEMO_KAFKA=1 puts it on a real Kafka.
demo: build
	@scripts/demo $(BIN)

# Every test with the race detector and in random order, then the allocation
# tests, which the race detector would disturb. Brings a real Kafka where it can.
test:
	@scripts/test

# The money in virtual time, every fault injected: SEEDS seeds (10,000) of
# AUCTIONS auctions (20,000); SEED=n replays one. `make test` plays 200 small ones.
sim:
	@scripts/sim

# Each hole of earlier designs planted in turn; each must be found.
sim-mutants:
	@scripts/sim mutants

# The real binary, on the local log and on a real Kafka in turn, killed and restarted under load.
e2e: build
	@scripts/e2e $(BIN)

# Every benchmark, and the whole path over HTTP against a bare server.
bench: build
	@scripts/bench $(BIN)

# Pacing and bidding over recorded auctions, every figure with its bar. STRICT=1
# fails where one falls short.
replay: build
	@scripts/replay $(BIN) $(if $(STRICT),--strict)

check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) test -count=1 ./internal
	@echo "check: gofmt, vet, staticcheck and the dependency table agree"

# The console's application, into console/dist, where the next build takes it from.
# Needs Node.js 20 or newer and npm.
console:
	cd console/web && npm ci --no-audit --no-fund && npm run build

# The console in a real Chromium against the real binary, every page and write path,
# desktop and phone, English and Chinese; and the live page. Needs Node.js and npm.
console-test:
	@scripts/console-test

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 30s
fuzz:
	@scripts/fuzz $(FUZZTIME)

clean:
	rm -rf bin
