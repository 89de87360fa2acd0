package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
)

func TestBlobs(t *testing.T) {
	b := Blobs{filepath.Join(t.TempDir(), "blobs")}
	text := strings.Repeat("a document\n", 10_000)
	a, err := b.Put(t.Context(), "notes.txt", "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	if a.Name != "notes.txt" || a.MediaType != "text/plain" || a.Size != int64(len(text)) ||
		a.Digest["sha3_512"] != audit.DigestOf([]byte(text)) || a.Digest["sha256"] != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", a)
	}
	file := filepath.Join(b.dir, a.Digest["sha3_512"][:2], a.Digest["sha3_512"])
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("%v, %v", info, err)
	}
	got, err := b.Read(a.Digest["sha3_512"], int64(len(text)))
	if err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := b.Read(a.Digest["sha3_512"], int64(len(text))-1); err == nil {
		t.Error("a document beyond the limit was read")
	}
	// The same document again, and what has no content.
	if again, err := b.Put(t.Context(), "other", "text/plain", strings.NewReader(text)); err != nil || again.Digest["sha3_512"] != a.Digest["sha3_512"] {
		t.Errorf("%+v, %v", again, err)
	}
	if empty, err := b.Put(t.Context(), "e", "text/plain", strings.NewReader("")); err != nil || empty.Digest["sha3_512"] != audit.DigestOf(nil) {
		t.Errorf("%+v, %v", empty, err)
	}
	if left, err := filepath.Glob(filepath.Join(b.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestBlobsDamaged flips a bit, cuts, and lengthens.
func TestBlobsDamaged(t *testing.T) {
	b := Blobs{filepath.Join(t.TempDir(), "blobs")}
	text := []byte("a document")
	a, err := b.Put(t.Context(), "d", "text/plain", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	digest := a.Digest["sha3_512"]
	file := filepath.Join(b.dir, digest[:2], digest)
	flipped := bytes.Clone(text)
	flipped[3] ^= 1
	for name, content := range map[string][]byte{"flipped": flipped, "cut": text[:4], "longer": append(bytes.Clone(text), 'x'), "empty": nil} {
		if err := errors.Join(os.Remove(file), os.WriteFile(file, content, 0o444)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(digest, 1000); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		r, err := b.Open(digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, copied: %v", name, err)
		}
		r.Close()
	}
	// Putting it again repairs it.
	if _, err := b.Put(t.Context(), "d", "text/plain", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(digest, 1000); err != nil {
		t.Error(err)
	}
}

func TestBlobsAbsent(t *testing.T) {
	b := Blobs{t.TempDir()}
	for _, digest := range []string{"", "ab", strings.Repeat("0", 128), strings.Repeat("0", 124) + "/../", "../" + strings.Repeat("0", 125)} {
		if _, err := b.Open(digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", digest, err)
		}
	}
}

// TestBlobsDry computes and keeps nothing.
func TestBlobsDry(t *testing.T) {
	t.Chdir(t.TempDir())
	a, err := Blobs{}.Put(t.Context(), "d", "text/plain", strings.NewReader("x"))
	if err != nil || a.Digest["sha3_512"] != audit.DigestOf([]byte("x")) {
		t.Errorf("%+v, %v", a, err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := (Blobs{}).Open(a.Digest["sha3_512"]); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestBlobsCancelled(t *testing.T) {
	b := Blobs{filepath.Join(t.TempDir(), "blobs")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Put(ctx, "d", "text/plain", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := os.ReadDir(b.dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBlobsConcurrent(t *testing.T) {
	b := Blobs{filepath.Join(t.TempDir(), "blobs")}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			a, err := b.Put(context.Background(), "d", "text/plain", strings.NewReader("the same"))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := b.Read(a.Digest["sha3_512"], 100); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
