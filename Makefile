# What a developer and CI run. `make test` needs nothing but Go (and, to install what else it lacks, root).

FLAGS ?=
BENCH ?= .

# Under CI a result out of the cache would prove nothing about this machine.
ifeq ($(CI),true)
override FLAGS += -count=1
endif

.PHONY: test check demo network build generate bench bench-guard screenshots

# Every test, with a private Redis and PostgreSQL: see scripts/test for what it installs and starts.
# A slow machine under load needs longer for a package than go test's ten minutes.
test:
	@scripts/test -timeout 30m $(FLAGS)
ifeq ($(CI),true)
	@scripts/bench-guard
endif

# Before a change is handed in: format, vet, staticcheck, generated files, race tests, short fuzzing, known holes.
check:
	@scripts/check

# A whole network in one process, with a fresh data folder.
demo:
	go run ./cmd/viaduct demo

# Three NATS servers, four validators, two gateways, PostgreSQL and Redis as plain processes on loopback.
network:
	@scripts/network

build:
	CGO_ENABLED=0 go build -trimpath -o bin/viaduct ./cmd/viaduct

generate:
	go generate ./...

bench:
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(FLAGS) ./...

# The hot paths' benchmarks beside the last release's: allocations may not rise.
bench-guard:
	@scripts/bench-guard

# The console's pages, light and dark, wide and narrow, as pictures to look at.
screenshots:
	@mkdir -p $(or $(DIR),screenshots)
	@VIADUCT_SCREENSHOTS=$(abspath $(or $(DIR),screenshots)) scripts/test -count=1 -run '^TestScreenshots$$' ./cmd/viaduct
