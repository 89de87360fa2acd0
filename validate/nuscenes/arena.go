package nuscenes

import (
	"unsafe"
)

// An arena keeps many small slices in few large ones.
type arena[T any] struct{ free []T }

// keep gives a copy of b, whose memory is never used again.
func (a *arena[T]) keep(b []T) []T {
	const chunk = 64 << 10
	if len(b) == 0 {
		return nil
	}
	if len(b) > chunk/8 {
		return append([]T(nil), b...)
	}
	if len(a.free) < len(b) {
		a.free = make([]T, chunk)
	}
	n := copy(a.free, b)
	out := a.free[:n:n]
	a.free = a.free[n:]
	return out
}

// string keeps the content of b.
func (l *loader) string(b []byte) string {
	kept := l.bytes.keep(b)
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

// word keeps one copy of a text that many rows have. Only the first 1024 texts
// are shared: a column that was thought to repeat must not grow a map.
func (l *loader) word(b []byte) string {
	if s, ok := l.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if l.words == nil {
		l.words = map[string]string{}
	}
	if len(l.words) < 1024 {
		l.words[s] = s
	}
	return s
}
