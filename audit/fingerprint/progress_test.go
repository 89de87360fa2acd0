//go:build unix

package fingerprint

import (
	"context"
	"testing"
)

// TestAlone has the last file of a run wait until progress tells of it.
func TestAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "aa", "b": "bbb"})
	told, early := make(chan uint64, 1), uint64(0)
	o := Options{Workers: 1}
	var now func() Progress
	o.Progress = func(p Progress) {
		if p.Alone > 0 {
			select {
			case told <- p.Alone:
			default:
			}
		}
	}
	ended := 0
	o.hooks.read = func(string, int) {
		if ended++; ended == 1 {
			early = now().Alone
			return
		}
		<-told
	}
	r, err := newRun(context.Background(), dir, &o)
	must(t, err)
	defer r.close()
	now = r.progress
	must(t, r.rows(t.Context(), func(*row) error { return nil }))
	if early != 0 {
		t.Errorf("of two files, %d bytes are told to be alone", early)
	}
}
