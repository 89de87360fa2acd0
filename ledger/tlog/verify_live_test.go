package tlog

import "testing"

// TestVerifyWhileAppending has another process append between the moment when the
// records are verified and that when the index is: nothing of it is a fault.
func TestVerifyWhileAppending(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	grow(t, dir, 3, 1, options(t, pins))
	l := reopen(t, dir, options(t, pins))
	next := 1000
	r, err := l.Verify(t.Context(), VerifyOptions{Progress: func(int64, int64) {
		w := reopen(t, dir, options(t, pins))
		if _, err := w.Append(t.Context(), testRecord(next)); err != nil {
			t.Error(err)
		}
		next++
		w.Close() // then the index is written
	}})
	if err != nil || len(r.Faults) > 0 || next == 1000 {
		t.Errorf("%v, %v, %d appended", err, r.Faults, next-1000)
	}
}
