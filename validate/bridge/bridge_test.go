package bridge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// drive makes the stamps of n frames at a period with trigger jitter, as a
// clock reads them that is offset and runs ppm too fast.
func drive(name string, start int64, n int, period, jitter int64, offset int64, ppm float64, seed uint64) []stamp {
	r := rand.New(rand.NewPCG(seed, 1))
	var out []stamp
	for i := range n {
		t := start + int64(i)*period
		if jitter > 0 {
			t += r.Int64N(2*jitter) - jitter
		}
		t += int64(float64(t-start) * ppm / 1e6)
		out = append(out, stamp{time: t + offset, sample: fmt.Sprintf("%s%d", name, i)})
	}
	return out
}

const start = int64(1317042145_967790592)

// every takes one stamp in k.
func every(k int, s []stamp, offset int64, name string) []stamp {
	var out []stamp
	for i := 0; i < len(s); i += k {
		out = append(out, stamp{time: s[i].time + offset, sample: fmt.Sprintf("%s%d", name, i)})
	}
	return out
}

func TestBuild(t *testing.T) {
	a := drive("a", start, 108, 103_370_000, 2_000_000, 0, 0, 1)
	for name, c := range map[string]struct {
		b        []stamp
		clock    int64
		residual int64
	}{
		"same clock":          {every(1, a, 0, "b"), 0, 0},
		"two hours":           {every(5, a, -int64(2*time.Hour), "b"), -int64(2 * time.Hour), 0},
		"GPS":                 {every(5, a, 18e9, "b"), 18e9, 0},
		"hours and leap":      {every(3, a, int64(5*time.Hour+30*time.Minute)-37e9, "b"), int64(5*time.Hour+30*time.Minute) - 37e9, 0},
		"by jitter alone":     {every(5, a, 1234567890123, "b"), 1234567890123, 0},
		"a part, odd clock":   {every(5, a[20:80], -98765432109, "b"), -98765432109, 0},
		"microseconds":        {every(5, a, 777, "b"), 777, 0},
		"a sensor's own time": {drive("b", start, 21, 500_000_000, 400_000, int64(time.Hour), 0, 2), int64(time.Hour), 52e6},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := build(a, c.b)
			if err != nil {
				t.Fatal(err)
			}
			if m.Clock != c.clock {
				t.Errorf("clock %v, want %v", time.Duration(m.Clock), time.Duration(c.clock))
			}
			alone := 0
			if c.residual > 0 { // a frame may lie just beyond half a period
				alone = 1
			}
			if m.Residual > c.residual || m.AloneB > alone || len(m.Rows)+m.AloneB != len(c.b) {
				t.Errorf("residual %d, %d rows, %d alone", m.Residual, len(m.Rows), m.AloneB)
			}
			if c.residual > 0 {
				return
			}
			for _, r := range m.Rows {
				if r.A[1:] != r.B[1:] && name != "a part, odd clock" {
					t.Errorf("%s is paired with %s", r.B, r.A)
				}
			}
		})
	}
}

func TestDrift(t *testing.T) {
	a := drive("a", start, 600, 100_000_000, 0, 0, 0, 1)
	b := drive("b", start, 600, 100_000_000, 0, 0, 80, 1)
	m, err := build(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Drift < 79 || m.Drift > 81 {
		t.Errorf("drift %.2f ppm, want 80", m.Drift)
	}
}

// TestAmbiguous wants no guess where nothing tells frames apart.
func TestAmbiguous(t *testing.T) {
	a := drive("a", start, 108, 100_000_000, 0, 0, 0, 1)
	if m, err := build(a, every(5, a[20:80], 1234567890123, "b")); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestUnrelated(t *testing.T) {
	a := drive("a", start, 3, 100_000_000, 0, 0, 0, 1)
	b := drive("b", start+int64(90*24*time.Hour), 50, 500_000_000, 0, 0, 0, 2)
	if m, err := build(a, b); !errors.Is(err, ErrUnrelated) {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestPartnersOnce wants each moment named once, also where several of b lie
// around one of a.
func TestPartnersOnce(t *testing.T) {
	a := drive("a", start, 10, 100_000_000, 0, 0, 0, 1)
	b := drive("b", start, 90, 11_000_000, 0, 0, 0, 2)
	rows := partners(a, b, 0, 50_000_000)
	if len(rows) < 9 {
		t.Errorf("%d rows", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		ka, kb := a[r.a].sample, b[r.b].sample
		if seen[ka] || seen[kb] {
			t.Errorf("%s or %s is named twice", ka, kb)
		}
		seen[ka], seen[kb] = true, true
	}
}
