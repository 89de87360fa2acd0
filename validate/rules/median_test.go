package rules

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMedian holds the median against the sorted values.
func TestMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		for range 50 {
			v := make([]int64, n)
			for i := range v {
				v[i] = r.Int64N(int64(1 + n*r.IntN(3)))
			}
			kept := slices.Clone(v)
			got := median(v)
			if !slices.Equal(v, kept) {
				t.Fatalf("%v became %v", kept, v)
			}
			want := int64(0)
			if slices.Sort(v); n > 0 {
				want = v[(n-1)/2] + (v[n/2]-v[(n-1)/2])/2
			}
			if got != want {
				t.Errorf("the median of %v is %d, not %d", v, got, want)
			}
		}
	}
}
