package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// oneShot has a process append one record of 1 KB, durably, and end.
func (b *bench) oneShot() error {
	log := filepath.Join(b.dir, "one")
	if _, err := b.output(b.self, "contestant", "fill", log, "1000"); err != nil {
		return err
	}
	entries := []*entry{
		{name: "ledger, with high-water mark", do: func(i int) (float64, error) {
			return b.timed(b.self, "contestant", "one", log, strconv.Itoa(1000+i))(i)
		}},
		{name: "a process that does nothing", do: b.timed(b.self, "contestant", "nothing")},
		{name: "Tessera POSIX, published", tool: "tessera", do: b.timed(b.tools["tessera"], "one", filepath.Join(b.dir, "tessera"), "1000")},
	}
	version, err := b.output("sqlite3", "-version")
	if err != nil {
		fmt.Printf("not run: sqlite3: %v\n\n", err)
	}
	for _, mode := range []string{"delete", "wal"} {
		if err != nil {
			break
		}
		db := filepath.Join(b.dir, mode+".sqlite")
		if _, err := b.output("sqlite3", db, "PRAGMA journal_mode="+mode+"; CREATE TABLE log (id TEXT PRIMARY KEY, record BLOB);"); err != nil {
			return err
		}
		entries = append(entries, &entry{
			name: fmt.Sprintf("sqlite3 %s INSERT, journal_mode=%s, synchronous=FULL", strings.Fields(version)[0], mode),
			do: func(i int) (float64, error) {
				return b.timed("sqlite3", db, fmt.Sprintf("PRAGMA synchronous=FULL; INSERT INTO log VALUES ('%d', '%s');", i, strings.Repeat("x", 1000)))(i)
			},
		})
	}
	return b.compete("one-shot append, whole process", "ms", b.rounds, false, entries...)
}

// load has 256 goroutines append, each waiting for its record.
func (b *bench) load() error {
	seconds := strconv.Itoa(b.seconds)
	tessera := func(what string) func(int) (float64, error) {
		return func(i int) (float64, error) {
			dir := filepath.Join(b.dir, fmt.Sprint("tessera-", what, i))
			defer os.RemoveAll(dir)
			return b.told(b.tools["tessera"], "load", dir, "1000", "256", seconds, what)
		}
	}
	return b.compete("256 goroutines, durable appends", "records a second", max(1, b.rounds/5), true,
		&entry{name: "ledger, durable under a signed checkpoint", do: func(i int) (float64, error) {
			log := filepath.Join(b.dir, fmt.Sprint("load-", i))
			defer os.RemoveAll(log)
			return b.told(b.self, "contestant", "load", log, "256", seconds)
		}},
		&entry{name: "Tessera POSIX, durable under a signed checkpoint", tool: "tessera", do: tessera("published")},
		&entry{name: "Tessera POSIX, durable, no checkpoint yet", tool: "tessera", do: tessera("sequenced")},
	)
}

// large has a log of many records verified, and one version found in it.
func (b *bench) large() error {
	log := filepath.Join(b.dir, "large")
	begin := time.Now()
	if _, err := b.output(b.self, "contestant", "fill", log, strconv.Itoa(b.records)); err != nil {
		return err
	}
	fmt.Printf("Log of %d records made in %.0f s.\n\n", b.records, time.Since(begin).Seconds())
	what := fmt.Sprintf("%d records of 1 KB verified, warm", b.records)
	err := b.compete(what, "s", max(1, b.rounds/5), false,
		&entry{name: "ledger, records, tree and index", do: func(int) (float64, error) { return b.told(b.self, "contestant", "verify", log, "true") }},
		&entry{name: "ledger, records and tree", do: func(int) (float64, error) { return b.told(b.self, "contestant", "verify", log, "false") }},
		&entry{name: "Tessera fsck, records and tree", tool: "fsck", do: func(int) (float64, error) {
			begin := time.Now()
			out, err := b.output("sh", "-c", `"$1" -storage_url="file://$2" -public_key="$2.vkey" -ui=false -logtostderr 2>&1`, "sh", b.tools["fsck"], log)
			if err == nil && !strings.Contains(out, fmt.Sprintf("Successfully fsck'd log with size %d", b.records)) {
				err = fmt.Errorf("fsck says:\n%s", out)
			}
			return time.Since(begin).Seconds(), err
		}},
	)
	if err != nil {
		return err
	}
	find := func(cold string) func(int) (float64, error) {
		return func(int) (float64, error) {
			return b.told(b.self, "contestant", "find", log, strconv.Itoa(rand.IntN(b.records/10)), cold)
		}
	}
	return b.compete(fmt.Sprintf("the 10 records of a version among %d, open, find, check", b.records), "ms", b.rounds, false,
		&entry{name: "ledger, files not in memory", do: find("cold")},
		&entry{name: "ledger, files in memory", do: find("warm")},
	)
}
