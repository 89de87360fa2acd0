// Package hugepage makes large slices on large pages of memory, where the
// system has them and leaves the choice to programs: a table of some hundred
// megabytes then costs a hundred page faults in place of a hundred thousand, and
// fewer misses when it is read here and there.
package hugepage

import "unsafe"

// size of a large page.
const size = 2 << 20

// Make is make([]T, length, capacity). It asks for large pages where the slice
// takes several of them; whether they come changes nothing else.
func Make[T any](length, capacity int) []T {
	s := make([]T, length, capacity)
	if n := uintptr(capacity) * unsafe.Sizeof(*new(T)); n >= 4*size {
		advise(unsafe.Pointer(unsafe.SliceData(s)), n)
	}
	return s
}
