package tlog

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

// program returns a program of tools/go.mod, built, from the cache of go.
func program(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds another program: run without -short")
	}
	var stderr bytes.Buffer
	cmd := exec.Command("go", "-C", filepath.Join("..", "..", "tools"), "tool", "-n", name)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("%s cannot be built here: %v\n%s", name, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// fsck has Tessera verify a log, and returns what it says. The exit status is 0
// even for a bad log: its last words count. It tries a bad log again and again.
func fsck(t testing.TB, dir string, patience time.Duration) string {
	t.Helper()
	exe := program(t, "fsck")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(vkeyOfLog(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, _ := exec.CommandContext(ctx, exe, "-storage_url=file://"+dir, "-public_key="+key, "-ui=false", "-logtostderr").CombinedOutput()
	return string(out)
}

// foreign runs tools/foreign/tlog.
func foreign(t testing.TB, stdin io.Reader, args ...string) (stdout string, err error) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t, "tlog"), args...)
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	out, err := cmd.Output()
	if err != nil {
		err = errors.New(stderr.String())
	}
	return string(out), err
}

// TestForeignReaders has Tessera's fsck and torchwood read logs of ours, and
// refuse a damaged one.
func TestForeignReaders(t *testing.T) {
	dir := ""
	for _, size := range []int{1, 255, 256, 257, 2049} {
		dir = filepath.Join(tempDir(t), "log")
		o := options(t, "")
		grow(t, dir, size, 100, o)
		if out := fsck(t, dir, time.Minute); !strings.Contains(out, fmt.Sprintf("Successfully fsck'd log with size %d", size)) {
			t.Errorf("size %d: %s", size, out)
		}
		l := reopen(t, dir, o)
		head, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for e, err := range l.Scan(t.Context(), head.Size, 0) {
			if err != nil {
				t.Fatal(err)
			}
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(e.Record))))
			h.Write(e.Record)
		}
		out, err := foreign(t, nil, "read", dir, vkeyOfLog(t))
		if want := fmt.Sprintf("%d %x %x\n", size, head.Root[:], h.Sum(nil)); err != nil || out != want {
			t.Errorf("torchwood read %q, %v; want %q", out, err, want)
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
	if out := fsck(t, dir, 2*time.Second); strings.Contains(out, "Successfully") {
		t.Errorf("a damaged log: %s", out)
	}
	if out, err := foreign(t, nil, "read", dir, vkeyOfLog(t)); err == nil || !strings.Contains(err.Error(), "hash mismatch for entry 1023") {
		t.Errorf("torchwood read a damaged log: %q, %v", out, err)
	}
}

// TestForeignProofs has transparency-dev/merkle check every proof of every tree
// up to a size, and the same proofs with a bit flipped.
func TestForeignProofs(t *testing.T) {
	const upTo = 36
	dir := filepath.Join(tempDir(t), "log")
	o := options(t, "")
	grow(t, dir, upTo, 1, o)
	l := reopen(t, dir, o)
	var records [][]byte
	var roots []ledger.Hash
	for i := range upTo + 1 {
		roots = append(roots, oracle(records))
		records = append(records, testRecord(i))
	}
	var lines bytes.Buffer
	good, bad := 0, 0
	line := func(kind string, a, size int, x, root ledger.Hash, p ledger.Proof) {
		fmt.Fprintf(&lines, "%s %d %d %x %x", kind, a, size, x[:], root[:])
		for _, h := range p {
			fmt.Fprintf(&lines, " %x", h[:])
		}
		fmt.Fprintln(&lines)
	}
	both := func(kind string, a, size int, x, root ledger.Hash, p ledger.Proof) {
		line(kind, a, size, x, root, p)
		good++
		for i := range p {
			p[i][size%32] ^= 1 << (a % 8)
			line(kind, a, size, x, root, p)
			p[i][size%32] ^= 1 << (a % 8)
			bad++
		}
	}
	for size := 1; size <= upTo; size++ {
		for i := range size {
			p, err := l.ProveInclusion(t.Context(), int64(size), int64(i))
			if err != nil {
				t.Fatal(err)
			}
			both("inclusion", i, size, ledger.RecordHash(records[i]), roots[size], p)
		}
		for old := 1; old <= size; old++ {
			p, err := l.ProveConsistency(t.Context(), int64(size), int64(old))
			if err != nil {
				t.Fatal(err)
			}
			both("consistency", old, size, roots[old], roots[size], p)
		}
	}
	out, err := foreign(t, &lines, "prove")
	if want := fmt.Sprintf("%d hold, %d do not\n", good, bad); err != nil || out != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// TestLitewitness has the witness of torchwood cosign a log of ours, and
// torchwood read it by a policy that asks for that.
func TestLitewitness(t *testing.T) {
	exe := program(t, "litewitness")
	const name = "witness.example/w1"
	dir := tempDir(t)
	socket := filepath.Join(dir, "agent")
	agent := exec.CommandContext(t.Context(), program(t, "tlog"), "agent", socket)
	hold, err := agent.StdinPipe() // it ends with this process
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := lineOf(t, agent, false, "SHA256:")
	defer agent.Wait()
	defer hold.Close()

	// litewitness does not say which port it got, so one is chosen for it. It
	// has the key by then, and there is only a moment for others to take the port.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	db := filepath.Join(dir, "db")
	lw := exec.CommandContext(t.Context(), exe, "-name", name, "-db", db, "-ssh-agent", socket, "-key", fingerprint, "-listen", addr)
	said := lineOf(t, lw, true, "vkey=")
	defer lw.Wait()
	defer lw.Process.Kill()
	_, vkey, _ := strings.Cut(said, "vkey=")
	vkey = strings.Trim(vkey, `"`)

	o := options(t, "")
	o.Witnesses, o.Quorum = []Witness{{"http://" + addr, vkey}}, 1
	log := filepath.Join(dir, "log")
	grow(t, log, 3, 3, o)
	l := reopen(t, log, o)
	deadline := time.Now().Add(time.Minute)
	for {
		_, err = l.Witness(t.Context())
		if err == nil || !strings.Contains(err.Error(), "connection refused") || time.Now().After(deadline) {
			break
		}
		time.Sleep(10 * time.Millisecond) // until it listens
	}
	if want := `does not know log "example.com/log" (404)`; err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%v, want %q", err, want)
	}
	if out, err := foreign(t, nil, "addlog", db, origin, vkeyOfLog(t)); err != nil {
		t.Fatal(out, err)
	}
	for size := 3; size < 600; size += 199 {
		if got, err := l.Witness(t.Context()); err != nil || names(got) != fmt.Sprint(name, " ", size) {
			t.Fatalf("%v, %v", got, err)
		}
		verified(t, l, int64(size), "")
		if out, err := foreign(t, nil, "read", log, vkeyOfLog(t), vkey); err != nil || !strings.HasPrefix(out, fmt.Sprint(size, " ")) {
			t.Errorf("torchwood read %q, %v", out, err)
		}
		appendMore(t, log, size, size+199, 100, o)
		if out, err := foreign(t, nil, "read", log, vkeyOfLog(t), vkey); err == nil {
			t.Errorf("torchwood is content without a cosignature: %q", out)
		}
	}

	// Whoever lost what was cosigned learns the size from the witness.
	if err := os.RemoveAll(filepath.Join(log, "cosigned")); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Witness(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if out := fsck(t, log, time.Minute); !strings.Contains(out, "Successfully fsck'd log with size 600") {
		t.Errorf("fsck of a witnessed log: %s", out)
	}

	// An old copy, and a fork.
	old := filepath.Join(dir, "old")
	grow(t, old, 4, 4, o)
	if _, err := reopen(t, old, o).Witness(t.Context()); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("an old copy: %v", err)
	}
	appendMore(t, old, 1000, 1700, 1000, o)
	if _, err := reopen(t, old, o).Witness(t.Context()); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("a fork: %v", err)
	}

	// Another key in the name of the log.
	stranger, v, err := NewKey(origin, newTestWitness(t, "x").key)
	if err != nil {
		t.Fatal(err)
	}
	o.Signer, o.Verifiers = stranger, []note.Verifier{v}
	grow(t, old+"2", 1, 1, o)
	if _, err := reopen(t, old+"2", o).Witness(t.Context()); err == nil || !strings.Contains(err.Error(), "does not accept the key") {
		t.Errorf("another key: %v", err)
	}
}

// lineOf starts a program and returns the first line of its stdout, or stderr,
// that has a word in it.
func lineOf(t *testing.T, cmd *exec.Cmd, stderr bool, word string) string {
	t.Helper()
	pipe := cmd.StdoutPipe
	if stderr {
		pipe = cmd.StderrPipe
	}
	r, err := pipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), word) {
			go io.Copy(io.Discard, r)
			return strings.TrimSpace(lines.Text())
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	t.Fatalf("%s said:\n%s", cmd.Path, &all)
	return ""
}
