package main

import "github.com/mmaudit/mmaudit/internal/bench/figures"

// A part is one command that measures, and what is read from the tables that it
// prints.
type part struct {
	name  string
	full  []string // the command
	smoke []string // the same at a size that shows only that it works
	apart string   // why there is no smoke size
	peers []peer
	reads []reading
}

// A peer is what is measured beside, and how to ask for its version: the word of
// this number in what the command prints.
type peer struct {
	name    string
	command []string
	word    int
}

// A reading is a figure: a number, or by how many times ours is better than
// theirs.
type reading struct {
	what   string
	beside string // what theirs is of; a peer that is not here is named by its first word
	ours   figures.Cell
	theirs figures.Cell // none: ours alone, in unit
	more   bool         // a greater number is better
	asked  float64      // at least that many times better; of a number alone, its bound
	unit   string
	large  bool // not there at the smoke size
}

var (
	python  = peer{"Python", []string{"python3", "--version"}, 1}
	openssl = peer{"OpenSSL", []string{"openssl", "version"}, 1}
	sqlite  = peer{"sqlite3", []string{"sqlite3", "-version"}, 0}
	tessera = peer{"Tessera", []string{"go", "-C", "tools", "list", "-m", "github.com/transparency-dev/tessera"}, 1}
)

// Where the figures of internal/bench/ledger stand.
const (
	oneShot  = "one-shot append"
	durably  = "256 goroutines"
	verified = "verified, warm"
	found    = "the 10 records of a version"
)

// Where those of internal/bench/start stand.
const (
	starts   = "start to first output"
	small    = "ten data sets"
	schemas  = "against their schemas"
	recorded = "one event recorded"
)

// Where those of internal/bench/fabric stand: after which time blocks are cut.
const (
	blocks50  = "cut after 50ms"
	blocks200 = "cut after 200ms"
)

var parts = []part{
	{
		name:  "tables",
		full:  []string{"make", "bench-tables"},
		smoke: []string{"make", "bench-tables", "BENCH_TABLES='' 341 1", "PYTHON=python3"},
		peers: []peer{python},
		reads: []reading{
			{
				what: "schema, references, chains and times of a fifth of v1.0-trainval", beside: "nuscenes-devkit, load alone", asked: 20,
				ours:   figures.Cell{Table: "wall, s", Row: "| mmvalidate", Column: "wall"},
				theirs: figures.Cell{Table: "wall, s", Row: "| nuscenes-devkit", Column: "wall"},
			},
			{
				what: "the same, processor time", beside: "nuscenes-devkit, load alone",
				ours:   figures.Cell{Table: "wall, s", Row: "| mmvalidate", Column: "processor"},
				theirs: figures.Cell{Table: "wall, s", Row: "| nuscenes-devkit", Column: "processor"},
			},
			{
				what: "the same, peak memory", beside: "nuscenes-devkit, load alone",
				ours:   figures.Cell{Table: "wall, s", Row: "| mmvalidate", Column: "peak"},
				theirs: figures.Cell{Table: "wall, s", Row: "| nuscenes-devkit", Column: "peak"},
			},
		},
	},
	{
		name:  "fingerprint",
		full:  []string{"make", "bench-fingerprint"},
		smoke: []string{"make", "bench-fingerprint", "FINGERPRINTBENCH=-scale 20 -rounds 1"},
		peers: []peer{openssl},
		reads: []reading{
			hashing("KITTI-like", "avx512", 5), hashing("nuScenes-like", "avx512", 5), hashing("tiny", "avx512", 4), hashing("large", "avx512", 0),
			hashing("KITTI-like", "avx2", 2.4), hashing("nuScenes-like", "avx2", 2.4), hashing("tiny", "avx2", 4), hashing("large", "avx2", 0),
			hashing("KITTI-like", "scalar", 0), hashing("nuScenes-like", "scalar", 0), hashing("tiny", "scalar", 0), hashing("large", "scalar", 0),
			{
				what: "fingerprint, KITTI-like files, avx512", beside: "BLAKE3, the upper bound",
				ours:   figures.Cell{Table: "times openssl", Row: "| KITTI-like…auditlog, avx512", Column: "wall"},
				theirs: figures.Cell{Table: "times openssl", Row: "| KITTI-like…BLAKE3", Column: "wall"},
			},
		},
	},
	{
		name:  "ledger",
		full:  []string{"make", "bench-ledger"},
		smoke: []string{"make", "bench-ledger", "LEDGERBENCH=-records 2000 -rounds 1 -seconds 1"},
		peers: []peer{sqlite, tessera},
		reads: []reading{
			{
				what: "one-shot append, whole process", beside: "sqlite3, journal_mode=delete", asked: 0.5,
				ours:   figures.Cell{Table: oneShot, Row: "ledger, with high-water mark", Column: "ms"},
				theirs: figures.Cell{Table: oneShot, Row: "journal_mode=delete", Column: "ms"},
			},
			{
				what: "one-shot append, whole process", beside: "sqlite3, journal_mode=wal", asked: 0.5,
				ours:   figures.Cell{Table: oneShot, Row: "ledger, with high-water mark", Column: "ms"},
				theirs: figures.Cell{Table: oneShot, Row: "journal_mode=wal", Column: "ms"},
			},
			{
				what: "one-shot append, whole process", beside: "Tessera, published",
				ours:   figures.Cell{Table: oneShot, Row: "ledger, with high-water mark", Column: "ms"},
				theirs: figures.Cell{Table: oneShot, Row: "Tessera POSIX, published", Column: "ms"},
			},
			{
				what: "durable records a second, 256 goroutines", more: true, asked: 10_000,
				ours: figures.Cell{Table: durably, Row: "ledger, durable", Column: "records a second"},
			},
			{
				what: "durable records a second, 256 goroutines", beside: "Tessera, under a signed checkpoint", more: true, asked: 4,
				ours:   figures.Cell{Table: durably, Row: "ledger, durable", Column: "records a second"},
				theirs: figures.Cell{Table: durably, Row: "Tessera POSIX, durable under", Column: "records a second"},
			},
			{
				what: "a million records verified: records, tree, index", asked: 3, unit: "s",
				ours: figures.Cell{Table: verified, Row: "ledger, records, tree and index", Column: "s, median"},
			},
			{
				what: "a million records verified: records and tree", beside: "Tessera's fsck",
				ours:   figures.Cell{Table: verified, Row: "ledger, records and tree", Column: "s, median"},
				theirs: figures.Cell{Table: verified, Row: "Tessera fsck", Column: "s, median"},
			},
			{
				what: "the ten records of a version among a million, files cold", asked: 20, unit: "ms",
				ours: figures.Cell{Table: found, Row: "ledger, files not in memory", Column: "ms"},
			},
		},
	},
	{
		name:  "start",
		full:  []string{"make", "bench-start"},
		smoke: []string{"make", "bench-start", "STARTBENCH=-rounds 1"},
		peers: []peer{sqlite, {"git", []string{"git", "--version"}, 2}, {"Python", []string{"python3", "--version"}, 1}},
		reads: []reading{
			{what: "start of auditlog to its first output", asked: 15, unit: "ms", ours: figures.Cell{Table: starts, Row: "`auditlog version`", Column: "ms"}},
			{what: "start of mmvalidate to its first output", asked: 15, unit: "ms", ours: figures.Cell{Table: starts, Row: "`mmvalidate --version`", Column: "ms"}},
			{
				what: "one event recorded, whole process", beside: "sqlite3, synchronous=FULL", asked: 0.5,
				ours:   figures.Cell{Table: recorded, Row: "`auditlog record incident` ", Column: "ms"},
				theirs: figures.Cell{Table: recorded, Row: "`sqlite3`", Column: "ms"},
			},
			{
				what: "ten small data sets validated", beside: "find \\| xargs sha256sum",
				ours:   figures.Cell{Table: small, Row: "UMM` of all", Column: "ms"},
				theirs: figures.Cell{Table: small, Row: "sha256sum", Column: "ms"},
			},
			{
				what: "records of a small nuScenes data set against their schemas", beside: "Python's jsonschema",
				ours:   figures.Cell{Table: schemas, Row: "mmvalidate", Column: "ms"},
				theirs: figures.Cell{Table: schemas, Row: "jsonschema", Column: "ms"},
			},
		},
	},
	{
		name:  "fabric",
		full:  []string{"make", "bench-fabric"},
		apart: "it starts networks of Fabric; make test does, too",
		reads: []reading{
			beside(blocks50, "64", "gateway"), beside(blocks50, "64", "sdk"),
			beside(blocks50, "256", "gateway"), beside(blocks50, "256", "sdk"),
			beside(blocks200, "64", "gateway"), beside(blocks200, "256", "gateway"),
			{
				what: "the life of a version, above what evaluate takes", asked: 10, unit: "ms",
				ours: figures.Cell{Table: "above evaluate", Row: "by a client that is open", Column: "above evaluate"},
			},
		},
	},
	{
		name:  "growth",
		full:  []string{"make", "plots"},
		smoke: []string{"go", "run", "./internal/bench/growth", "-out", "", "-sizes", "1", "-turns", "1"},
		reads: []reading{
			{
				what: "peak memory, tables with all rows of v1.0-trainval", asked: 800, unit: "MB", large: true,
				ours: figures.Cell{Table: "mmvalidate --quiet --select", Row: "| 6524209 |", Column: "peak"},
			},
			{
				what: "peak memory, fingerprint of a million files", asked: 256, unit: "MB", large: true,
				ours: figures.Cell{Table: "auditlog fingerprint", Row: "| 1000004 |", Column: "peak"},
			},
		},
	},
	{
		name:  "packages",
		full:  []string{"go", "test", "-run", "^$", "-bench", ".", "./validate/...", "./internal/...", "./audit/...", "./ledger/tlog"},
		smoke: []string{"go", "test", "-short", "-run", "^$", "-bench", ".", "-benchtime", "1x", "./validate/...", "./internal/...", "./audit/...", "./ledger/tlog"},
	},
}

// hashing is the fingerprint of a data set by one engine, held against openssl.
func hashing(data, engine string, asked float64) reading {
	return reading{
		what: "fingerprint, " + data + " files, " + engine, beside: "openssl by find and xargs", asked: asked,
		ours:   figures.Cell{Table: "times openssl", Row: "| " + data + "…auditlog, " + engine + " |", Column: "wall"},
		theirs: figures.Cell{Table: "times openssl", Row: "| " + data + "…openssl` |", Column: "wall"},
	}
}

// beside is a client of Fabric held against the bare loop.
func beside(blocks, writers, client string) reading {
	return reading{
		what: writers + " writers, " + client + ", blocks " + blocks, beside: "bare loop of fabric-gateway", more: true, asked: 0.95,
		ours:   figures.Cell{Table: blocks, Row: "| " + writers + " | ledger/fabric, " + client + " |", Column: "records a second"},
		theirs: figures.Cell{Table: blocks, Row: "| " + writers + " | bare loop |", Column: "records a second"},
	}
}
