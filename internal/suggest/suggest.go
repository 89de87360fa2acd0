// Package suggest finds the name that was probably meant.
package suggest

import "strings"

// Nearest gives the candidate that is nearest to name by Damerau-Levenshtein
// distance (optimal string alignment), ignoring case and the difference
// between '-', '_', '.' and ' '. It gives "" where nothing lies within a third
// of the name's length (at least one edit). Ties go to the earlier candidate.
func Nearest(name string, candidates []string) string {
	best, limit := "", max(1, len(name)/3)
	a := fold(name)
	for _, c := range candidates {
		if d := distance(a, fold(c)); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

var folder = strings.NewReplacer("-", "_", ".", "_", " ", "_")

func fold(s string) string { return folder.Replace(strings.ToLower(s)) }

// distance counts insertions, deletions, substitutions and swaps of
// neighbouring bytes. Names longer than 64 bytes are cut: they are not typed
// by hand.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	prev2, prev, cur := 2, 0, 1
	for i := 1; i <= len(a); i++ {
		rows[cur][0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[prev][j]+1, rows[cur][j-1]+1, rows[prev][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[prev2][j-2]+1)
			}
			rows[cur][j] = d
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return rows[prev][len(b)]
}
