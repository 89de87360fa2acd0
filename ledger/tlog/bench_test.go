package tlog

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// benchRecord has 1 KB and the keys that a life-cycle record has.
func benchRecord(i int64) []byte {
	return ledgertest.Record(fmt.Sprint("id-", i), strings.Repeat("x", 900),
		ledger.Key{Name: "model", Value: fmt.Sprint("m", i/100)},
		ledger.Key{Name: "version", Value: fmt.Sprint(i / 10)},
		ledger.Key{Name: "run", Value: fmt.Sprint(i / 4)},
		ledger.Key{Name: "event", Value: "train.started"},
		ledger.Key{Name: "subject", Value: fmt.Sprint("digest", i)})
}

// benchLog makes a log with so many records, as fast as may be.
func benchLog(b *testing.B, size int64) (dir string, o Options) {
	b.Helper()
	dir, o = b.TempDir()+"/log", options(b, b.TempDir())
	l := newTestLog(b, dir, o)
	l.Close()
	l, err := newLog(dir, o, unsynced)
	if err != nil {
		b.Fatal(err)
	}
	for i := int64(0); i < size; {
		done := make(chan outcome, maxBatch)
		var batch []*request
		for ; len(batch) < maxBatch && i < size; i++ {
			k, _ := o.KeysOf(benchRecord(i))
			batch = append(batch, &request{ctx: b.Context(), record: benchRecord(i), keys: k, done: done})
		}
		l.commit(batch)
		for range batch {
			if o := <-done; o.err != nil {
				b.Fatal(o.err)
			}
		}
	}
	l.committer.index.close()
	return dir, o
}

// BenchmarkDurableWrite writes a small file durably: the measure for what follows.
func BenchmarkDurableWrite(b *testing.B) {
	name := b.TempDir() + "/file"
	for b.Loop() {
		if err := durable.WriteFile(name, benchRecord(0), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOneShot opens a log, appends a record and closes it, durably.
func BenchmarkOneShot(b *testing.B) {
	dir, o := benchLog(b, 1000)
	for i := int64(1000); b.Loop(); i++ {
		l, err := Open(b.Context(), dir, o)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Append(b.Context(), benchRecord(i)); err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend256 appends durably from 256 goroutines.
func BenchmarkAppend256(b *testing.B) {
	dir, o := benchLog(b, 0)
	l, err := Open(b.Context(), dir, o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var next atomic.Int64
	b.SetParallelism(256 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(b.Context(), benchRecord(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// many is a million records; with -short, enough for every kind of tile.
func many() int64 {
	if testing.Short() {
		return 10_000
	}
	return 1_000_000
}

// BenchmarkVerify verifies a million records, without and with the index.
func BenchmarkVerify(b *testing.B) {
	size := many()
	dir, o := benchLog(b, size)
	l, err := Open(b.Context(), dir, o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for _, skip := range []bool{true, false} {
		b.Run(fmt.Sprintf("index=%t", !skip), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r, err := l.Verify(b.Context(), VerifyOptions{SkipIndex: skip}); err != nil || len(r.Faults) > 0 {
					b.Fatal(err, r.Faults)
				}
			}
		})
	}
}

// BenchmarkFind opens a log of a million records and finds the ten of one version.
func BenchmarkFind(b *testing.B) {
	size := many()
	dir, o := benchLog(b, size)
	o.Signer = nil
	for i := int64(0); b.Loop(); i++ {
		l, err := Open(b.Context(), dir, o)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, err := range l.Find(b.Context(), size, 0, ledger.Key{Name: "version", Value: fmt.Sprint(i * 7 % (size / 10))}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10 {
			b.Fatalf("found %d", n)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
