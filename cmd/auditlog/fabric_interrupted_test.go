package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

// testInterrupted presses Ctrl-C while a record is on its way to an orderer that
// hangs. Nobody can tell then whether it was recorded: it is kept as a file, and
// is in the ledger once when that is appended, however often.
func testInterrupted(t *testing.T, n *fabricnet.Network, profile string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "profile.yaml"), []byte(profile), 0o644); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "NO_COLOR=1", "AUDITLOG_LEDGER=fabric:profile.yaml", "AUDITLOG_KEY=alice.pem",
			"XDG_CONFIG_HOME="+filepath.Join(dir, ".config"), "XDG_STATE_HOME="+filepath.Join(dir, ".state"))
		return c
	}
	auditlog := func(args ...string) string {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("auditlog %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	auditlog("keys", "new", "--no-passphrase", "--key", "alice.pem")
	auditlog("init", "fabric:profile.yaml", "--origin", "bank.example/audit", "--key", "alice=alice.pem")

	submitted := func() (sum float64) {
		for _, o := range n.Orgs {
			sum += o.Peer.Count(t.Context(), `grpc_server_unary_requests_received{method="Submit",service="gateway_Gateway"} `)
		}
		return sum
	}
	before := submitted()
	if before == 0 {
		t.Fatal("peers do not count what is submitted")
	}
	orderer := n.Orderers[0]
	if err := orderer.Suspend(); err != nil {
		t.Fatal(err)
	}
	record := command("record", "incident", "--model", "m", "--version", "1", "--severity", "low", "--summary", "s")
	var said bytes.Buffer
	record.Stdout, record.Stderr = &said, &said
	if err := record.Start(); err != nil {
		t.Fatal(errors.Join(err, orderer.Resume()))
	}
	ended := make(chan error, 1)
	go func() { ended <- record.Wait() }()
	for submitted() == before && t.Context().Err() == nil && len(ended) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	err := errors.Join(record.Process.Signal(os.Interrupt), <-ended)
	if again := orderer.Resume(); again != nil {
		t.Fatal(again)
	}
	if code := record.ProcessState.ExitCode(); code != 130 || !strings.Contains(said.String(), "`auditlog append auditlog-incident-") {
		t.Fatalf("exit status %d, %v: %s", code, err, &said)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "auditlog-incident-*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%q, %v", kept, err)
	}
	for range 2 {
		if out := auditlog("append", kept[0]); !strings.HasPrefix(out, "record 1 ") && !strings.Contains(out, "\nrecord 1 ") {
			t.Errorf("%s", out)
		}
	}
	if out := auditlog("status"); !strings.Contains(out, "\nsize    2\n") {
		t.Errorf("%s", out)
	}
}
