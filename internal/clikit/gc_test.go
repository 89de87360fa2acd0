package clikit

import "testing"

func TestPace(t *testing.T) {
	for _, c := range []struct {
		live          uint64
		percent, want int
	}{
		{0, 10, 800},
		{4 << 20, 100, 800},
		{16 << 20, 10, 200},
		{64 << 20, 10, 50},
		{64 << 20, 100, 100},
		{512 << 20, 10, 10},
		{1 << 40, 10, 10},
	} {
		if got := pace(c.live, c.percent); got != c.want {
			t.Errorf("pace(%d, %d) = %d, want %d", c.live, c.percent, got, c.want)
		}
	}
}
