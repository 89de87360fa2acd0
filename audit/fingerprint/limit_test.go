//go:build unix

package fingerprint

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// TestFewOpenFiles lets workers with many lanes open no more files than a
// process may have.
func TestFewOpenFiles(t *testing.T) {
	var most unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &most))
	few := most
	few.Cur = 96
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &most)) }()
	for _, e := range keccak.Engines() {
		for workers, lanes := range map[int]int{1: e.Lanes, 24: min(2, e.Lanes), 1000: 1} {
			w := newWorker(&run{o: &Options{Workers: workers}, engine: e}, nil, nil)
			if len(w.lanes) != lanes {
				t.Errorf("%s: each of %d workers opens %d files", e.Name, workers, len(w.lanes))
			}
		}
	}
}
