package fingerprint

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// A runFile holds records in order, each as two uvarints, the lengths of key
// and value, and these.
type runFile struct {
	*os.File
	size int64
}

// maxRuns bounds the open files and read buffers of a merge.
const maxRuns = 128

// compact merges neighbours among the runs, to half their number. It takes
// those with the least bytes: so no record is written again for each merge.
func (s *sorter) compact() error {
	const width = maxRuns / 2
	var sum, least int64
	at := 0
	for i, f := range s.runs {
		sum += f.size
		if i >= width {
			sum -= s.runs[i-width].size
		}
		if i == width-1 || i >= width && sum < least {
			at, least = i-width+1, sum
		}
	}
	few := s.runs[at : at+width]
	merged, err := s.writeRun(func(emit func(key, val []byte) error) error { return s.merge(few, emit) })
	if err != nil {
		return err
	}
	for _, f := range few {
		f.Close()
	}
	s.runs = slices.Replace(s.runs, at, at+width, merged)
	return nil
}

// writeRun makes a run of the records that write emits.
func (s *sorter) writeRun(write func(emit func(key, val []byte) error) error) (run runFile, err error) {
	f, err := os.CreateTemp(s.dir, "auditlog-sort-*")
	if err != nil {
		return run, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := os.Remove(f.Name()); err != nil { // some systems remove no open file
		s.later = append(s.later, f.Name())
	}
	w := bufio.NewWriterSize(f, 256<<10)
	var head []byte
	err = write(func(key, val []byte) error {
		head = binary.AppendUvarint(head[:0], uint64(len(key)))
		head = binary.AppendUvarint(head, uint64(len(val)))
		w.Write(head)
		w.Write(key)
		_, err := w.Write(val) // the writer keeps the first error
		run.size += int64(len(head) + len(key) + len(val))
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	run.File = f
	return run, err
}

// A cursor reads one run.
type cursor struct {
	r        *bufio.Reader
	buf      []byte
	key, val []byte
	number   int // of the run: settles the order of equal keys
}

// next reads the next record; io.EOF at the end.
func (c *cursor) next() error {
	k, err := binary.ReadUvarint(c.r)
	if err != nil {
		return err
	}
	v, err := binary.ReadUvarint(c.r)
	if err != nil {
		return noEOF(err)
	}
	n := int(k + v)
	c.buf = slices.Grow(c.buf[:0], n)[:n]
	if _, err := io.ReadFull(c.r, c.buf); err != nil {
		return noEOF(err)
	}
	c.key, c.val = c.buf[:k], c.buf[k:]
	return nil
}

// noEOF marks an end within a record.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type cursors []*cursor

func (h cursors) Len() int      { return len(h) }
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h cursors) Less(i, j int) bool {
	if c := bytes.Compare(h[i].key, h[j].key); c != 0 {
		return c < 0
	}
	return h[i].number < h[j].number
}
func (h *cursors) Push(x any) { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// merge calls fn with the records of runs in order.
func (s *sorter) merge(runs []runFile, fn func(key, val []byte) error) error {
	var h cursors
	for i, f := range runs {
		c := &cursor{r: bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 64<<10), number: i}
		err := c.next()
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			return err
		}
		h = append(h, c)
	}
	heap.Init(&h)
	for len(h) > 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		c := h[0]
		if err := fn(c.key, c.val); err != nil {
			return err
		}
		switch err := c.next(); {
		case err == nil:
			heap.Fix(&h, 0)
		case errors.Is(err, io.EOF):
			heap.Pop(&h)
		default:
			return err
		}
	}
	return nil
}
