package hugepage

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// advise speaks of the whole large pages that lie in the memory alone, so that
// its neighbours do not grow.
func advise(p unsafe.Pointer, n uintptr) {
	skip := -uintptr(p) & (size - 1)
	n = (n - skip) &^ (size - 1)
	// Not a fault: the kernel may have no such pages.
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), n), unix.MADV_HUGEPAGE)
}
