//go:build unix

package fingerprint

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"math"
	"time"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

const (
	readSize = 910 * keccak.Rate // 64 KiB: those of all lanes fit the second-level cache
	dropSize = 8 << 20           // pages are given back in pieces of this size
)

// A lane holds the file that is hashed in one lane of an engine.
type lane struct {
	number int

	taken   bool      // there is a file
	lent    bool      // hashes the chunks of another's file
	row     row       // what becomes of it
	was     stat      // what its folder said
	attempt int       // to read it, from 0
	until   time.Time // nothing is done with it before

	fd         int // -1 unless open
	before     stat
	from, till uint64 // where the reading begins, and where it ends if not with the file
	n, dropped uint64 // where it is; before that, not in the page cache again
	counted    uint64 // bytes that progress knows of; of these, not read in this run
	kept       uint64
	saved      uint64 // where the reading was when the cache was told last
	cold       bool
	ended      bool // todo has its end
	sha256     hash.Hash

	buf  []byte
	todo []byte // in buf: whole blocks that were not absorbed

	resume string // where an earlier run came to, see saved
	chunks chunker
}

// take gives the lane a file. It must have none.
func (l *lane) take(f row) {
	l.taken, l.row, l.was, l.attempt, l.fd, l.until, l.resume = true, f, f.stat, 0, -1, time.Time{}, ""
	if f.part {
		l.resume, l.row.part, l.row.note = f.note, false, ""
	}
}

// again makes another attempt after a while.
func (l *lane) again(after time.Duration) {
	l.attempt++
	l.until = time.Now().Add(after)
}

// waits reports whether the time of the file has not come.
func (l *lane) waits() bool {
	if l.until.IsZero() {
		return false
	}
	if time.Now().Before(l.until) {
		return true
	}
	l.until = time.Time{}
	return false
}

// open begins an attempt.
func (l *lane) open(w *worker) error {
	l.counted, l.kept, l.saved, l.ended = 0, 0, 0, false
	l.from, l.till, l.row.cached = 0, math.MaxUint64, false
	if p := l.row.piece; p != nil {
		l.from, l.till = p.offset, p.offset+p.length
	}
	l.n, l.dropped = l.from, l.from
	dir, base, err := w.at.folder(l.row.path)
	if err != nil {
		return err
	}
	if l.fd, err = openAt(dir, base, 0); err != nil {
		l.fd = -1
		return err
	}
	if err := w.o.hooks.fault(Reading, l.row.path); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	if l.before, err = fstat(l.fd); err != nil {
		return err
	}
	if l.before.kind() != 'f' {
		return errChanged
	}
	if wait := unsettled(l.before.ctime, now); wait > 0 {
		l.until = time.Now().Add(wait)
	}
	if l.buf == nil {
		l.buf = make([]byte, readSize+keccak.Rate) // a block more, for the end
		if w.o.SHA256 {
			l.sha256 = sha256.New()
		}
	}
	w.states.Reset(l.number)
	if l.sha256 != nil {
		l.sha256.Reset()
	}
	if l.resume == "" || l.attempt > 0 || !l.before.same(l.was) || !l.goOn(w) {
		l.row.seen = now
	}
	if w.chunkSums != nil && l.row.piece == nil && w.chunked(l.before) {
		l.chunks.begin(w, l)
	}
	return nil
}

// drained reports whether there is nothing to absorb.
func (l *lane) drained() bool { return len(l.todo) == 0 && len(l.chunks.todo) == 0 }

// read fills the buffer.
func (l *lane) read(w *worker) (err error) {
	have := 0
	// Not until the end, if that does not come: a file may grow as fast as we read.
	for have < readSize && !l.ended && l.n <= l.before.size {
		k := 0
		into := l.buf[have:readSize]
		into = into[:min(uint64(len(into)), l.till-l.n)]
		if l.n == l.from {
			k, l.cold, err = readFirst(l.fd, into, l.n)
		} else {
			k, err = readAt(l.fd, into, l.n)
		}
		if l.sha256 != nil {
			l.sha256.Write(l.buf[have : have+k])
		}
		have += k
		l.n += uint64(k)
		l.counted += uint64(k)
		w.run.done.bytes.Add(uint64(k))
		l.ended = errors.Is(err, io.EOF) || l.n == l.till
		if l.cold && (l.n-l.dropped >= dropSize || err != nil) {
			forget(l.fd, int64(l.dropped), int64(l.n-l.dropped))
			l.dropped = l.n
		}
		if err != nil && !l.ended {
			return err
		}
	}
	if err := l.chunks.feed(w, l.buf[:have]); err != nil {
		return err
	}
	if !l.ended && l.n <= l.before.size {
		l.todo = l.buf[:have]
		return nil
	}
	whole := have / keccak.Rate * keccak.Rate
	keccak.Pad((*[keccak.Rate]byte)(l.buf[whole:]), have-whole)
	l.ended, l.todo = true, l.buf[:whole+keccak.Rate]
	return nil
}

// verify ends an attempt: the file must be as it was when it was opened.
func (l *lane) verify(w *worker) error {
	if w.o.hooks.read != nil {
		w.hooked.Lock()
		w.o.hooks.read(l.row.path, l.attempt)
		w.hooked.Unlock()
	}
	after, err := fstat(l.fd)
	if err != nil {
		return err
	}
	if l.n != min(l.till, l.before.size) || !l.before.same(after) {
		return errChanged
	}
	l.close()
	l.row.stat = l.before
	l.row.digest = w.states.Digest(l.number)
	if l.sha256 != nil {
		l.row.hasSHA256 = true
		l.sha256.Sum(l.row.sha256[:0])
	}
	return nil
}

// close closes the file, if one is open.
func (l *lane) close() {
	l.chunks.end()
	if l.taken && l.fd >= 0 {
		unixClose(l.fd)
		l.fd = -1
	}
}
