package query_test

import (
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// benchLedger makes a ledger of so many records as QUERY_BENCH_RECORDS says, or
// 20,000 (1,000 with -short), in a folder that is closed again. With QUERY_BENCH_DIR it is kept there
// for the next time.
func benchLedger(b *testing.B) (dir string, n int) {
	b.Helper()
	n = 20_000
	if testing.Short() {
		n = 1000
	}
	if s := os.Getenv("QUERY_BENCH_RECORDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	dir = b.TempDir() + "/log"
	if kept := os.Getenv("QUERY_BENCH_DIR"); kept != "" {
		dir = kept + "/" + strconv.Itoa(n)
		if _, err := os.Stat(dir); err == nil {
			return dir, n
		}
	}
	l, err := tlog.Init(b.Context(), dir, options())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	first := true
	var wg sync.WaitGroup
	free := make(chan struct{}, 1024)
	for r := range lifetest.Lives(1, n) {
		free <- struct{}{}
		wg.Go(func() {
			if _, err := l.Append(b.Context(), r); err != nil {
				b.Error(err)
			}
			<-free
		})
		if first { // the one that names the keys
			wg.Wait()
			first = false
		}
	}
	wg.Wait()
	return dir, n
}

// BenchmarkVersion opens a ledger, takes a view and gives the life of one version
// among all: what a command does after it has started.
func BenchmarkVersion(b *testing.B) {
	dir, n := benchLedger(b)
	o := options()
	o.Signer = nil
	lives := n / 16
	var events int
	for i := 0; b.Loop(); i++ {
		l, err := tlog.Open(b.Context(), dir, o)
		if err != nil {
			b.Fatal(err)
		}
		v, err := query.Open(b.Context(), l, query.Options{})
		if err != nil {
			b.Fatal(err)
		}
		model, version := lifetest.VersionName(i * 7919 % lives)
		t, err := v.Version(b.Context(), model, version)
		if err != nil {
			b.Fatal(err)
		}
		events += len(t.Events)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)/float64(b.N), "events")
}
