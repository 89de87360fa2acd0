//go:build unix

package fingerprint

import (
	"encoding"
	"encoding/binary"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// What a run has read of a large file is not lost when it ends: the cache is
// told now and then how far it came, and the state of the hash there. The note
// of such a row, which has part set, is the offset, the state of SHA3-512, and,
// if asked for, that of SHA-256 as Go marshals it. An offset is a whole number
// of blocks.

// save tells the cache how far the reading of a file is. Everything that was
// read must have been absorbed.
func (l *lane) save(w *worker) error {
	if w.cache == nil || l.row.piece != nil || l.n-l.saved < w.o.sizes.save {
		return nil
	}
	l.saved = l.n
	state := w.states.State(l.number)
	note := append(binary.BigEndian.AppendUint64(nil, l.n), state[:]...)
	f := row{path: l.row.path, kind: 'f', part: true, seen: l.row.seen, stat: l.before}
	if l.sha256 != nil {
		f.hasSHA256 = true
		var err error
		if note, err = l.sha256.(encoding.BinaryAppender).AppendBinary(note); err != nil {
			return err
		}
	}
	f.note = string(note)
	if err := w.cache.add(&f); err != nil {
		return err
	}
	if w.o.hooks.saved != nil {
		w.hooked.Lock()
		defer w.hooked.Unlock()
		w.o.hooks.saved(l.n)
	}
	return nil
}

// goOn continues where an earlier run came to, if it left what is needed. The
// file is the same as then, as far as its identity, size and times tell; what
// was read then is not read again, and so its digest counts as cached.
func (l *lane) goOn(w *worker) bool {
	const head = 8 + keccak.StateSize
	if len(l.resume) < head || (l.sha256 != nil) != (len(l.resume) > head) {
		return false
	}
	offset := binary.BigEndian.Uint64([]byte(l.resume))
	if offset > l.before.size || offset%keccak.Rate != 0 {
		return false
	}
	if l.sha256 != nil && l.sha256.(encoding.BinaryUnmarshaler).UnmarshalBinary([]byte(l.resume[head:])) != nil {
		l.sha256.Reset()
		return false
	}
	w.states.Continue(l.number, (*[keccak.StateSize]byte)([]byte(l.resume[8:head])))
	l.row.cached = true
	l.from, l.n, l.dropped, l.saved = offset, offset, offset, offset
	l.counted, l.kept = offset, offset
	w.run.done.bytes.Add(offset)
	w.kept.bytes.Add(offset)
	return true
}
