package fingerprint

import "sync"

// A queue hands the files of a run to its workers.
type queue struct {
	workers int64

	mu     sync.Mutex // guards what follows
	next   func() (row, error, bool)
	left   int64  // to come, at most
	active int64  // taken and not done
	bytes  uint64 // of these, see row.serial
	ended  bool
}

// take gives the next file to a worker that has so many in hand. A worker takes
// no more than its share of what there is: of few files, each is with another
// processor. One that has none in hand and gets none has nothing left to do.
func (q *queue) take(inHand int) (f row, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	share := (q.active + q.left + q.workers - 1) / q.workers
	if q.ended || inHand > 0 && int64(inHand) >= share {
		return row{}, false, nil
	}
	if f, err, ok = q.next(); !ok || err != nil {
		q.ended = true
		return row{}, false, err
	}
	q.left = max(0, q.left-1)
	q.active++
	q.bytes += f.serial(f.stat)
	return f, true, nil
}

// done notes that a file that was taken, with so many bytes, is dealt with.
func (q *queue) done(size uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
	q.bytes -= size
}

// alone is the size of the only file that is taken when none is to come; else 0,
// as of a nil queue.
func (q *queue) alone() uint64 {
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active != 1 || q.left > 0 && !q.ended {
		return 0
	}
	return q.bytes
}
