package fingerprint

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestSizeLies reads files that say they are empty and are not.
func TestSizeLies(t *testing.T) {
	const dir = "/proc/sys/kernel/random"
	if _, err := os.ReadFile(dir + "/boot_id"); err != nil {
		t.Skip(err)
	}
	r, err := newRun(t.Context(), dir, &Options{})
	must(t, err)
	defer r.close()
	if f := readRow(t, r, "boot_id"); f.trouble != unstable || f.note != errChanged.Error() {
		t.Errorf("%v %q", f.trouble, f.note)
	}
}

// TestPageCache wants a file that was in the page cache to stay there.
func TestPageCache(t *testing.T) {
	name := t.TempDir() + "/f"
	must(t, os.WriteFile(name, make([]byte, 1<<16), 0o644))
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	b := make([]byte, 1)
	if _, err := unix.Preadv2(fd, [][]byte{b}, 0, unix.RWF_NOWAIT); err != nil {
		t.Skip("this file system does not tell what it has in memory:", err)
	}
	if _, cold, err := readFirst(fd, b, 0); cold || err != nil {
		t.Error(err, "a file just written counts as cold")
	}
}

// TestColdFile wants a file that was not in the page cache to leave it again.
func TestColdFile(t *testing.T) {
	name := t.TempDir() + "/f"
	content := bytes.Repeat([]byte("cold"), (dropSize+readSize/2)/4)
	must(t, os.WriteFile(name, content, 0o644))
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	must(t, f.Sync())
	must(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)) // 0 is to the end
	if resident(t, f, len(content)) > 0 {
		t.Skip("this file system keeps its files in memory")
	}
	d, err := File(t.Context(), name, Options{})
	must(t, err)
	if d.SHA3_512 != sum(content) {
		t.Error(d.SHA3_512)
	}
	// The kernel may be at work on some of the pages.
	if n := resident(t, f, len(content)); n > len(content)/os.Getpagesize()/2 {
		t.Errorf("%d pages are in memory", n)
	}
}

// resident is the number of pages of a file in memory. Other than a read that
// does not wait, it brings none there.
func resident(t *testing.T, f *os.File, size int) (n int) {
	t.Helper()
	m, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	must(t, err)
	defer unix.Munmap(m)
	pages := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, no := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0]))); no != 0 {
		t.Skip(no)
	}
	for _, p := range pages {
		n += int(p & 1)
	}
	return n
}

// A file that opens, and whose reading the device then refuses, is one that
// cannot be read.
func TestReadFails(t *testing.T) {
	const file = "/proc/self/mem" // nothing is mapped at 0: EIO
	if _, err := os.Stat(file); err != nil {
		t.Skip(err)
	}
	if _, err := Run(t.Context(), file, Options{}); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "input/output error") {
		t.Errorf("%v", err)
	}
	res, err := Run(t.Context(), file, Options{AllowUnreadable: true})
	if err != nil || res.Status != Partial || res.Tree.Unreadable != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}
