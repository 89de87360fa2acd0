package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkRecord records an event without data: in this process, as a process
// of its own, and beside it an INSERT of sqlite3, synchronous=FULL.
func BenchmarkRecord(b *testing.B) {
	dir := b.TempDir()
	b.Chdir(dir)
	b.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	b.Setenv("XDG_STATE_HOME", filepath.Join(dir, ".state"))
	inProcess := func(args ...string) {
		var stderr bytes.Buffer
		if code := run(b.Context(), args, strings.NewReader(""), &bytes.Buffer{}, &stderr); code != 0 {
			b.Fatalf("auditlog %q: %d: %s", args, code, &stderr)
		}
	}
	inProcess("keys", "new", "--no-passphrase")
	inProcess("init")
	n := 0
	args := func() []string {
		n++
		return []string{"record", "incident", "--model", "m", "--version", strconv.Itoa(n), "--severity", "low", "--summary", "missed a kerb"}
	}
	b.Run("dry", func(b *testing.B) {
		for b.Loop() {
			inProcess(append(args(), "--dry-run")...)
		}
	})
	b.Run("in process", func(b *testing.B) {
		for b.Loop() {
			inProcess(args()...)
		}
	})
	own, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	command := func(b *testing.B, name string, args ...string) {
		cmd := exec.Command(name, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
	}
	// The test's binary runs the command under its name.
	if err := os.Symlink(own, "auditlog"); err != nil {
		b.Fatal(err)
	}
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			command(b, "./auditlog", args()...)
		}
	})
	b.Run("sqlite3", func(b *testing.B) {
		if _, err := exec.LookPath("sqlite3"); err != nil {
			b.Skip("no sqlite3 to compare with")
		}
		command(b, "sqlite3", "x.db", "CREATE TABLE t(a)")
		for b.Loop() {
			command(b, "sqlite3", "x.db", "PRAGMA synchronous=FULL; INSERT INTO t VALUES('missed a kerb')")
		}
	})
}
