package fingerprint

import "testing"

// TestQueueShares has two workers take five files: none takes more than its
// share, and one that has nothing gets something as long as there is any.
func TestQueueShares(t *testing.T) {
	rest := 5
	q := &queue{workers: 2, left: int64(rest), next: func() (row, error, bool) {
		rest--
		return row{}, nil, rest >= 0
	}}
	take := func(inHand int, want bool) {
		t.Helper()
		if _, ok, err := q.take(inHand); ok != want || err != nil {
			t.Errorf("with %d in hand, %d left: %v, %v", inHand, rest, ok, err)
		}
	}
	take(0, true)
	take(1, true)
	take(2, true)
	take(3, false) // of five, two are for the other
	take(0, true)
	q.done(0)
	q.done(0)
	q.done(0)
	take(1, false) // of the last two, it has one
	take(0, true)
	take(0, false)
}
