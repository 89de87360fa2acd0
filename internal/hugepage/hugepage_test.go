package hugepage

import "testing"

// TestMake makes slices of sizes around that of large pages, and uses each of
// their bytes.
func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 1000, size, 4*size - 1, 4 * size, 4*size + 1, 9*size + 4097} {
		s := Make[byte](n/2, n)
		if len(s) != n/2 || cap(s) < n {
			t.Errorf("%d bytes: length %d, capacity %d", n, len(s), cap(s))
		}
		s = s[:n]
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("byte %d of %d is %d", i, n, s[i])
			}
			s[i] = byte(i)
		}
		for i := range s {
			if s[i] != byte(i) {
				t.Fatalf("byte %d of %d is %d", i, n, s[i])
			}
		}
	}
	if s := Make[[3]int64](2, 1<<20); len(s) != 2 || cap(s) != 1<<20 {
		t.Errorf("length %d, capacity %d", len(s), cap(s))
	}
}
