//go:build unix

package fingerprint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openssl returns the digest that openssl gives a file, in hexadecimal.
func openssl(t *testing.T, algorithm, path string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("openssl", "dgst", "-"+algorithm, "-r", path).Output()
	must(t, err)
	digest, _, _ := strings.Cut(string(out), " ")
	return digest
}

// TestFile holds both digests to those of openssl, around the sizes of blocks
// and reads, and for a file with holes.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 71, 72, 73, 64, readSize - 1, readSize, readSize + 1, 3*readSize + 5} {
		path := filepath.Join(dir, fmt.Sprint(size))
		must(t, os.WriteFile(path, bytes.Repeat([]byte("0123456789"), size/10+1)[:size], 0o644))
	}
	sparse := filepath.Join(dir, "sparse")
	must(t, os.WriteFile(sparse, []byte("front"), 0o644))
	must(t, os.Truncate(sparse, 5<<20+1))
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		must(t, err)
		d, err := File(t.Context(), path, Options{})
		must(t, err)
		if d.SHA3_512.String() != openssl(t, "sha3-512", path) || fmt.Sprintf("%x", d.SHA256) != openssl(t, "sha256", path) || d.Size != uint64(info.Size()) {
			t.Errorf("%s: %+v", e.Name(), d)
		}
	}
}

// TestLargeFile reads 10 GB of holes, and as many with openssl, if it is asked to.
func TestLargeFile(t *testing.T) {
	if os.Getenv("FINGERPRINT_TEST_LARGE") == "" {
		t.Skip("takes minutes: set FINGERPRINT_TEST_LARGE")
	}
	path := filepath.Join(t.TempDir(), "large")
	must(t, os.WriteFile(path, nil, 0o644))
	must(t, os.Truncate(path, 10e9))
	d, err := File(t.Context(), path, Options{})
	must(t, err)
	if d.Size != 10e9 || d.SHA3_512.String() != openssl(t, "sha3-512", path) {
		t.Errorf("%+v", d)
	}
}

func TestFileRefused(t *testing.T) {
	dir := sample(t)
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	for _, tt := range []struct {
		path string
		want error
	}{
		{"pipe", ErrSpecial},
		{"d", syscall.EISDIR},
		{"dangling", fs.ErrNotExist},
		{"missing", fs.ErrNotExist},
		{"a/below", syscall.ENOTDIR},
	} {
		path := filepath.Join(dir, tt.path)
		_, err := File(t.Context(), path, Options{})
		if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), filepath.Join(dir, "")) {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
	path := filepath.Join(dir, "d", "copy")
	for name, h := range map[string]hooks{
		"written while it is read": {read: func(_ string, n int) { must(t, os.WriteFile(path, []byte(fmt.Sprint(n)), 0o644)) }},
		"written after":            {hashed: func() { must(t, os.WriteFile(path, []byte("later"), 0o644)) }},
		"removed after":            {hashed: func() { must(t, os.Remove(path)) }},
	} {
		write(t, dir, map[string]string{"d/copy": "first"})
		_, err := File(t.Context(), path, Options{hooks: h})
		var pe *ProblemError
		if !errors.Is(err, ErrUnstable) || !errors.As(err, &pe) || pe.First[0].Path != path {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := File(ctx, filepath.Join(dir, "a"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestFileProgress reads a file in a folder that may be entered but not listed,
// by way of a link.
func TestFileProgress(t *testing.T) {
	dir := t.TempDir()
	content := bytes.Repeat([]byte("weights"), 100_000)
	write(t, dir, map[string]string{"models/v1.onnx": string(content), "models/other": "o"})
	must(t, os.Symlink("models/v1.onnx", filepath.Join(dir, "latest")))
	must(t, os.Chmod(filepath.Join(dir, "models"), 0o100))
	defer os.Chmod(filepath.Join(dir, "models"), 0o755)
	var last Progress
	d, err := File(t.Context(), filepath.Join(dir, "latest"), Options{Progress: func(p Progress) { last = p }})
	must(t, err)
	if d != (FileDigest{sha3.Sum512(content), sha256.Sum256(content), uint64(len(content))}) {
		t.Errorf("%+v", d)
	}
	want := Progress{
		Phase: Sealing, Files: 1, Bytes: d.Size, TotalFiles: 1, TotalBytes: d.Size, Entries: 1, Sealed: 1,
	}
	if last != want {
		t.Errorf("%+v", last)
	}
}

// TestFileRoot wants the fingerprint of a file to be that of a folder with this
// file alone.
func TestFileRoot(t *testing.T) {
	alone, crowd := t.TempDir(), t.TempDir()
	write(t, alone, map[string]string{"data.tar": "tar"})
	write(t, crowd, map[string]string{"data.tar": "tar", "other": "o"})
	must(t, os.Symlink("data.tar", filepath.Join(crowd, "link")))
	want := mustTake(t, alone, Options{})
	for _, name := range []string{"data.tar", "link"} {
		// Working folders may lie beside the file.
		o := Options{TempDir: crowd, Cache: filepath.Join(crowd, "cache")}
		got := mustTake(t, filepath.Join(crowd, name), o)
		if fmt.Sprint(*got.Result) != fmt.Sprint(*want.Result) || got.manifest.String() != want.manifest.String() {
			t.Errorf("%s: %+v, want %+v", name, got.Result, want.Result)
		}
		c, err := Check(t.Context(), filepath.Join(crowd, name), bytes.NewReader(want.manifest.Bytes()), o)
		if err != nil || !c.OK() || c.Same != 1 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestUnsettled(t *testing.T) {
	const sec = int64(time.Second)
	at := 1_700_000_000*sec + 1
	for _, tt := range []struct {
		ctime, now int64
		want       time.Duration
	}{
		{at, at, tick},
		{at, at + int64(tick) - 1, 1},
		{at, at + int64(tick), 0},
		{at + 1, at, 0}, // the future
		{at - 1, at, coarseTick - 1},
		{at - 1, at + sec, coarseTick - time.Second - 1},
		{at - 1, at + 2*sec, 0},
	} {
		if got := unsettled(tt.ctime, tt.now); got != tt.want {
			t.Errorf("%d after %d: %v, want %v", tt.now-at, tt.ctime-at, got, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if settle(ctx, stat{}) != nil || settle(ctx, stat{ctime: time.Now().Add(time.Hour).UnixNano()}) != nil {
		t.Error("waits for what has settled")
	}
}

func TestInside(t *testing.T) {
	dir := sample(t)
	must(t, os.Symlink(dir, dir+"-link"))
	defer os.Remove(dir + "-link")
	for name, want := range map[string]bool{
		dir: true, dir + "/new/file": true, dir + "/d/link": true, dir + "-link/x": true,
		dir + "/../x": false, dir + "-other/x": false, dir + "/d/../../x": false,
	} {
		for _, root := range []string{dir, dir + "-link"} {
			if got, err := Inside(root, name); err != nil || got != want {
				t.Errorf("%q in %q: %v, %v", name, root, got, err)
			}
		}
	}
	if _, err := Inside(dir+"/missing", dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
