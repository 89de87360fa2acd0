package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
)

// A copying is a ledger of many lives in a folder, and a channel to copy it to.
type copying struct {
	t   *testing.T
	dir string
	env []string
}

// run runs the command, for at most so long if that is not 0, and reports
// whether it was killed.
func (c copying) run(limit time.Duration, args ...string) (out string, status int, killed bool) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), name, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	if limit > 0 {
		defer time.AfterFunc(limit, func() { cmd.Process.Kill() }).Stop()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode(), exit != nil && exit.ExitCode() < 0
}

func (c copying) must(args ...string) {
	c.t.Helper()
	if out, status, _ := c.run(0, args...); status != 0 {
		c.t.Fatalf("%s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
}

// despiteKills runs the command again and again, killed at a random moment, until
// it came to its end or was killed often.
func (c copying) despiteKills(after func(), args ...string) {
	c.t.Helper()
	kills := 0
	for ; kills < 8; kills++ {
		limit := time.Duration(1 + rand.Int64N(int64(1500*time.Millisecond)))
		out, status, killed := c.run(limit, args...)
		if !killed {
			if status != 0 {
				c.t.Fatalf("after %d kills: exit status %d\n%s", kills, status, out)
			}
			break
		}
		if after != nil {
			after()
		}
	}
	c.t.Logf("%s: %d kills", strings.Join(args, " "), kills)
	c.must(args...)
}

// TestCopyKilled moves a ledger with events of all kinds onto a channel, and from
// there into a folder. Copies are killed at random moments of either way, and
// the source grows meanwhile. What comes of it is judged by cmp and Tessera's
// fsck too.
func TestCopyKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	t.Parallel()
	n := fabricNetwork(t, "killed")
	c := copying{t, t.TempDir(), nil}
	state := filepath.Join(c.dir, "state")
	c.env = append(os.Environ(), "XDG_STATE_HOME="+state, "XDG_CONFIG_HOME="+c.dir, "NO_COLOR=1")
	for file, profile := range fabricProfiles(t, n) {
		if err := os.WriteFile(filepath.Join(c.dir, file), []byte(profile("killed")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := keys.Create(filepath.Join(c.dir, "admin.pem"), trusttest.Key(string(audit.Admin)), nil); err != nil {
		t.Fatal(err)
	}
	s, err := store.Init(t.Context(), filepath.Join(c.dir, "local"), store.InitOptions{
		Origin: trusttest.Origin, Pins: filepath.Join(state, "auditlog", "pins"), Genesis: func(origin, logKey string) ([]byte, error) {
			var signers []*audit.SignerKey
			for _, r := range audit.Roles() {
				signers = append(signers, trusttest.Signer(string(r), r))
			}
			g := trusttest.Genesis(origin, signers...)
			g.Ledger.Log = logKey
			return trusttest.Seal(g, string(audit.Admin)), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	records := slices.Collect(lifetest.Lives(1, 1400))[1:]
	more := func(n int) {
		if _, err := s.Log.(ledger.Batcher).AppendAll(t.Context(), records[:n]); err != nil {
			t.Fatal(err)
		}
		records = records[n:]
	}
	more(1200)
	c.despiteKills(func() { more(20) }, "copy", "--from", "local", "--to", "fabric:writer.yaml", "--no-documents")
	more(len(records))
	c.despiteKills(nil, "copy", "--from", "local", "--to", "fabric:writer.yaml", "--no-documents")

	c.must("keys", "rotate", "--log", "--ledger", "fabric:writer.yaml", "--key", "admin.pem", "--reason", "moved")
	c.despiteKills(func() {
		// Nothing is read of it before it is whole.
		out, status, _ := c.run(0, "status", "--ledger", "mirror")
		if status != 0 && !strings.Contains(out, "was cut short") && !strings.Contains(out, "no ledger here") {
			t.Errorf("a mirror that was cut short: exit status %d\n%s", status, out)
		}
	}, "copy", "--from", "fabric:regulator.yaml", "--to", "mirror")
	c.must("verify", "--ledger", "mirror", "--no-documents")
	c.must("verify", "--ledger", "local", "--no-documents", "--both", "mirror")
	c.sameBundles("local", "mirror")
	c.fsck("mirror", 1401)
}

// sameBundles has cmp compare the records of a log, as they lie there, with
// those of a log that goes on from it.
func (c copying) sameBundles(dir, longer string) {
	c.t.Helper()
	compared := 0
	top := filepath.Join(c.dir, dir, "log", "tile", "entries")
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		other := filepath.Join(c.dir, longer, "log", "tile", "entries", rel)
		if strings.HasSuffix(filepath.Dir(rel), ".p") { // there, it is wider
			wider, err := filepath.Glob(filepath.Join(filepath.Dir(other), "*"))
			if err != nil || len(wider) != 1 {
				return fmt.Errorf("%v, %w", wider, err)
			}
			other = wider[0]
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out, err := exec.CommandContext(c.t.Context(), "cmp", "-n", fmt.Sprint(info.Size()), file, other).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		compared++
		return nil
	})
	if err != nil || compared < 6 {
		c.t.Errorf("%d bundles are the same, %v", compared, err)
	}
}

// fsck has Tessera read a mirror of a network, whose signatures it does not
// know, under another signature of the same checkpoint.
func (c copying) fsck(dir string, size int) {
	c.t.Helper()
	out, err := exec.CommandContext(c.t.Context(), "go", "-C", filepath.Join("..", "..", "tools"), "tool", "-n", "fsck").Output()
	if err != nil {
		c.t.Skipf("fsck cannot be built here: %v", err)
	}
	log, key := filepath.Join(c.dir, dir, "log"), filepath.Join(c.dir, "fsck.key")
	checkpoint, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		c.t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	signer, _ := trusttest.LogKey(trusttest.Origin, "fsck")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err = errors.Join(err, os.WriteFile(filepath.Join(log, "checkpoint"), signed, 0o644), os.WriteFile(key, []byte(trusttest.VKey(trusttest.Origin, "fsck")), 0o600)); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute) // it tries a bad log again and again
	defer cancel()
	says, _ := exec.CommandContext(ctx, strings.TrimSpace(string(out)), "-storage_url=file://"+log, "-public_key="+key, "-ui=false", "-logtostderr").CombinedOutput()
	if !strings.Contains(string(says), fmt.Sprintf("Successfully fsck'd log with size %d", size)) {
		c.t.Errorf("fsck: %s", says)
	}
}
