package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
)

// TestLone tells of a last file that takes long, once, when its speed is known.
func TestLone(t *testing.T) {
	const gb = 1_000_000_000
	start := time.Unix(1, 0)
	at := func(l *lone, seconds int, alone, done uint64) string {
		return l.note(fingerprint.Progress{Alone: alone, Bytes: done, TotalBytes: 1000 * gb}, start.Add(time.Duration(seconds)*time.Second))
	}
	var l lone
	for i, step := range []struct {
		seconds     int
		alone, done uint64
		want        string
	}{
		{0, 0, 180 * gb, ""},
		{1, 812 * gb, 188 * gb, ""},
		{3, 812 * gb, 188*gb + gb/2, ""}, // no speed yet
		{11, 812 * gb, 190*gb + 2*gb/5, "SHA3-512 of one file is serial, about 56 min at 240 MB/s"},
		{12, 812 * gb, 191 * gb, ""}, // once
	} {
		if got := at(&l, step.seconds, step.alone, step.done); !strings.HasSuffix(got, step.want) || (got == "") != (step.want == "") {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	l = lone{}
	at(&l, 0, gb, 999*gb)
	if got := at(&l, 10, gb, 999*gb+gb/2); got != "" {
		t.Errorf("for ten seconds: %q", got)
	}
	if got := at(&l, 20, gb, 999*gb-1); got != "" {
		t.Errorf("another attempt: %q", got)
	}
}
