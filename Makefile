# Names only: every target is a command that can be typed by hand.
.POSIX:
GO ?= go
DEMO ?= demo

.PHONY: build sdk test check cross peers fabric demo demo-fabric bench bench-smoke benchstat plots bench-tables bench-start bench-ledger bench-fabric bench-fingerprint fuzz clean

# Static: the same file runs on a training machine and on an auditor's.
RELEASE = CGO_ENABLED=0 $(GO) build -trimpath -tags urfave_cli_no_docs
build:
	$(RELEASE) -o bin/ ./cmd/...

# The client of networks of Fabric older than 2.4: a program, and a Go module, of
# its own.
SDK = ledger/fabric/sdk
sdk:
	CGO_ENABLED=0 $(GO) -C $(SDK) build -trimpath -o ../../../bin/auditlog-fabric-sdk .

# Everything the project tests. Fabric is built before: that takes minutes once,
# which would count against the time of a test.
test: fabric
	$(GO) test ./...

# What style asks for: format, vet, staticcheck, tidiness, and the race detector
# on what -short leaves.
check:
	test -z "$$($(GO) tool -modfile=tools/go.mod gofumpt -l $$(git ls-files '*.go'))"
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) -C $(SDK) vet ./...
	$(GO) -C $(SDK) tool -modfile=../../../tools/go.mod staticcheck ./...
	$(GO) -C $(SDK) mod tidy -diff
	CGO_ENABLED=1 $(GO) test -race -short ./...

# The platforms that releases are built for.
cross:
	GOOS=linux GOARCH=amd64 $(RELEASE) -o /dev/null ./cmd/...
	GOOS=linux GOARCH=arm64 $(RELEASE) -o /dev/null ./cmd/...
	GOOS=darwin GOARCH=arm64 $(RELEASE) -o /dev/null ./cmd/...
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) -C $(SDK) build -trimpath -o /dev/null .
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) -C $(SDK) build -trimpath -o /dev/null .

# The programs of others that tests compare with, from tools/go.mod.
peers:
	for peer in fsck litewitness tlog envelope provenance; do \
		$(GO) -C tools tool -n $$peer >/dev/null || exit 1; \
	done
	$(GO) -C tools vet ./...

# Both commands on generated data: validate a drive; record, query, verify and
# bundle a training run on it.
demo: build
	sh tools/demo.sh $(DEMO)
	sh tools/demo-training.sh $(DEMO)/training

# The programs of Hyperledger Fabric 2.5 that tests run, from tools/fabric/go.mod,
# built once into the user's cache folder.
fabric:
	$(GO) -C tools/fabric mod verify
	$(GO) run ./internal/fabricnet/fabricup -build

# A network of Fabric: record, ask as the regulator, be refused, verify offline.
demo-fabric: build
	sh tools/demo-fabric.sh $(DEMO)/fabric

# Everything that is measured, beside the peers that are installed; the figures
# go into docs/performance.md. PARTS="ledger packages" runs these alone. Each part
# is a command of its own, such as those below.
bench:
	$(GO) run ./internal/bench/all -write docs/performance.md $(PARTS)

# The same at a size that shows only that it works, in a minute.
bench-smoke:
	$(GO) run ./internal/bench/all -smoke $(PARTS)

# Benchmarks of packages at commit BASE beside the working tree, or commit HEAD,
# in turns:
#   make benchstat BASE=main PKGS=./validate/nuscenes BENCH=Load COUNT=8
PKGS ?= ./validate/... ./internal/... ./audit/... ./ledger/tlog
BENCH ?= .
COUNT ?= 6
benchstat:
	sh internal/bench/benchstat.sh "$(BASE)" "$(HEAD)" '$(BENCH)' $(COUNT) $(PKGS)

# How cost grows with rows and files: CSV and plots in docs/plots, tables in
# docs/scale.md. Its options are in the comment of the program.
plots:
	$(GO) run ./internal/bench/growth -write docs/scale.md $(GROWTH)

# mmvalidate's check of tables beside nuscenes-devkit's load of them, on a fifth
# of v1.0-trainval's rows: figures of docs/performance.md.
BENCH_TABLES ?= /var/tmp/bench-tables
bench-tables:
	sh internal/bench/tables/run.sh $(BENCH_TABLES)

# The ledger beside sqlite3 and Tessera: figures of docs/performance.md. Its
# options are in the comment of the program, such as the disk to be measured.
bench-ledger:
	CGO_ENABLED=0 $(GO) run ./internal/bench/ledger $(LEDGERBENCH)

# Fingerprints beside openssl and BLAKE3: figures of docs/performance.md. A size
# for a minute: FINGERPRINTBENCH="-scale 20 -rounds 1".
bench-fingerprint: build
	$(GO) run ./internal/bench/fingerprint -auditlog bin/auditlog $(FINGERPRINTBENCH)

# Start-up and small jobs beside git, jq, Python and sqlite3: figures of
# docs/performance.md. STARTBENCH="-rounds 1" shows only that it works.
bench-start: build
	$(GO) run ./internal/bench/start $(STARTBENCH) bin

# Ledgers on a network of Fabric beside a bare gateway loop: figures of
# docs/performance.md. For the size that is written there:
#   make bench-fabric FABRICBENCH="-seconds 10 -rounds 3 -records 100000"
bench-fabric:
	$(GO) -C tools/fabric mod verify
	$(GO) run ./internal/bench/fabric $(FABRICBENCH)

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 10s
fuzz:
	sh tools/fuzz.sh $(FUZZTIME)

clean:
	rm -rf bin $(DEMO)
