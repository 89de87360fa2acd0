package tlog

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// TestFsck has Tessera's fsck verify logs of ours, and refuse a damaged one.
func TestFsck(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program")
	}
	fsck := filepath.Join(t.TempDir(), "fsck")
	build := exec.Command("go", "build", "-modfile=tools/go.mod", "-o", fsck, "github.com/transparency-dev/tessera/cmd/fsck")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("fsck cannot be built here: %v\n%s", err, out)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, testKey().Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(vkey), 0o600); err != nil {
		t.Fatal(err)
	}
	// The exit status is 0 even for a bad log: its last words count.
	check := func(dir string, patience time.Duration) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		out, _ := exec.CommandContext(ctx, fsck, "-storage_url=file://"+dir, "-public_key="+key, "-ui=false", "-logtostderr").CombinedOutput()
		return string(out)
	}
	dir := ""
	for _, size := range []int{1, 255, 256, 257, 2049} {
		dir = filepath.Join(tempDir(t), "log")
		grow(t, dir, size, 100, options(t, ""))
		if out := check(dir, time.Minute); !strings.Contains(out, fmt.Sprintf("Successfully fsck'd log with size %d", size)) {
			t.Errorf("size %d: %s", size, out)
		}
	}
	name := filepath.Join(dir, "tile/entries/003")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	// It tries a bad log again and again. Cut short, it has not succeeded either.
	if out := check(dir, 2*time.Second); strings.Contains(out, "Successfully") {
		t.Errorf("a damaged log: %s", out)
	}
}
