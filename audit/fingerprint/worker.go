//go:build unix

package fingerprint

import (
	"context"
	"fmt"
	"time"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

const retries = 3 // for a file that changes while it is read

// A worker hashes as many files side by side as the processor has lanes. It
// reads them itself, each lane's when that lane has nothing left: a read from
// the page cache is a copy, and while it waits for a disk another worker runs.
// It is for one goroutine.
type worker struct {
	*run
	queue  *queue
	sink   func(was stat, f *row) error
	at     climber
	states *keccak.Lanes
	lanes  []lane   // those that are used
	in     [][]byte // what each lane absorbs next
	inHand int      // lanes that have a file
}

func newWorker(r *run, q *queue, sink func(was stat, f *row) error) *worker {
	w := &worker{
		run: r, queue: q, sink: sink, at: climber{root: r.root},
		states: r.engine.New(), lanes: make([]lane, filesOf(r.o.Workers, r.engine.Lanes)), in: make([][]byte, r.engine.Lanes),
	}
	for i := range w.lanes {
		w.lanes[i].number = i
	}
	return w
}

func (w *worker) close() {
	for i := range w.lanes {
		w.lanes[i].close()
	}
	w.at.close()
}

// work hashes files for as long as there are any.
func (w *worker) work(ctx context.Context) error {
	defer w.close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.fill(); err != nil {
			return err
		}
		blocks := 0
		for i := range w.lanes {
			if l := &w.lanes[i]; !l.lent {
				w.in[i] = l.todo
				l.chunks.show(w.in)
			}
		}
		for i := range w.in {
			if n := len(w.in[i]) / keccak.Rate; n > 0 && (blocks == 0 || n < blocks) {
				blocks = n
			}
		}
		switch {
		case blocks > 0:
			w.states.Absorb(blocks, w.in)
			if err := w.absorbed(blocks * keccak.Rate); err != nil {
				return err
			}
		case w.inHand == 0:
			return nil
		default:
			if err := w.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// fill gives each lane something to absorb that has nothing, unless its file
// waits for its time, or there is no file for it.
func (w *worker) fill() error {
	for i := range w.lanes {
		l := &w.lanes[i]
		for !l.lent && l.drained() {
			if !l.taken {
				f, ok, err := w.queue.take(w.inHand)
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				l.take(f)
				w.inHand++
			}
			if l.waits() {
				break
			}
			step := l.read
			if l.fd < 0 {
				step = l.open
			}
			if err := step(w); err != nil {
				if err := w.fail(l, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// absorbed takes n bytes off each lane that had something, and ends files.
func (w *worker) absorbed(n int) error {
	for i := range w.lanes {
		l := &w.lanes[i]
		if l.lent || l.drained() {
			continue
		}
		l.todo = l.todo[min(n, len(l.todo)):]
		if err := l.chunks.absorbed(w, n); err != nil {
			return err
		}
		if !l.drained() {
			continue
		}
		var err error
		if !l.ended {
			err = l.save(w)
		} else if err = l.verify(w); err != nil {
			err = w.fail(l, err)
		} else {
			err = w.succeed(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) succeed(l *lane) error {
	if w.cache != nil && l.row.piece == nil {
		if err := w.cache.add(&l.row); err != nil {
			return err
		}
	}
	return w.end(l)
}

// fail deals with an error of a lane's file. What is wrong with the file becomes
// its trouble, unless another attempt may help; an error ends the run.
func (w *worker) fail(l *lane, err error) error {
	w.run.done.bytes.Add(-l.counted)
	w.kept.bytes.Add(-l.kept)
	l.close()
	if fatal(err) {
		return fmt.Errorf("%q: %w", l.row.path, err)
	}
	if t := troubleOf(err); t != unstable || l.attempt == retries {
		l.row.trouble, l.row.note = t, errnoText(err)
		return w.end(l)
	}
	w.at.close() // a folder on the way may be another by now
	l.again(10 * time.Millisecond << (2 * l.attempt))
	return nil
}

// end passes on the file of a lane, which is free then.
func (w *worker) end(l *lane) error {
	l.taken = false
	w.inHand--
	w.queue.done(l.row.serial(l.was))
	if l.row.piece == nil {
		w.run.done.files.Add(1)
	}
	w.total.bytes.Add(l.row.stat.size - l.was.size) // it may have changed since
	return w.sink(l.was, &l.row)
}

// wait waits for the first file whose time comes.
func (w *worker) wait(ctx context.Context) error {
	var first time.Time
	for i := range w.lanes {
		if l := &w.lanes[i]; l.taken && (first.IsZero() || l.until.Before(first)) {
			first = l.until
		}
	}
	select {
	case <-time.After(time.Until(first)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
