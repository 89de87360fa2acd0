package fingerprint

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSizeLies reads files that say they are empty and are not.
func TestSizeLies(t *testing.T) {
	const dir = "/proc/sys/kernel/random"
	if _, err := os.ReadFile(dir + "/boot_id"); err != nil {
		t.Skip(err)
	}
	w := &reader{run: &run{o: &Options{}}, hasher: newHasher(false), buf: make([]byte, 100)}
	fd, err := openRoot(dir, false)
	must(t, err)
	defer unixClose(fd)
	w.at.root = fd
	defer w.at.close()
	if n, err := w.once(t.Context(), &row{path: "boot_id"}, 0); !errors.Is(err, errChanged) || n == 0 {
		t.Errorf("%d bytes, %v", n, err)
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
	if announce(fd) {
		t.Error("a file just written counts as cold")
	}
}
