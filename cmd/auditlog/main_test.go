package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// inLedger makes a ledger in a folder of the test's own and gives what runs the
// command there.
func inLedger(t *testing.T) (dir string, auditlog func(ctx context.Context, want int, args ...string) (stdout, stderr string)) {
	t.Helper()
	dir = t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, ".state"))
	auditlog = func(ctx context.Context, want int, args ...string) (string, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := run(ctx, args, strings.NewReader(""), &stdout, &stderr); got != want {
			t.Fatalf("auditlog %q: exit status %d, want %d: %s", args, got, want, &stderr)
		}
		return stdout.String(), stderr.String()
	}
	auditlog(t.Context(), 0, "keys", "new", "--no-passphrase")
	auditlog(t.Context(), 0, "init")
	for name, text := range map[string]string{"data/a": "a", "cfg.yaml": "lr: 1", "model.pt": "weights"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, auditlog
}

// TestInterrupted ends the context as Ctrl-C does, while data are hashed.
func TestInterrupted(t *testing.T) {
	_, auditlog := inLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, stderr := auditlog(ctx, 130, "fingerprint", "data", "--manifest", "m")
	if !strings.Contains(stderr, "interrupted") || !strings.Contains(stderr, "hint: --cache DIR lets the next run go on") {
		t.Errorf("%s", stderr)
	}
	if _, err := os.Stat("m"); err == nil {
		t.Error("half a manifest was written")
	}
	if left, err := filepath.Glob(".*.tmp"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	auditlog(ctx, 130, "record", "data.registered", "--data", "data")
	stdout, _ := auditlog(t.Context(), 0, "status")
	if !strings.Contains(stdout, "\nsize    1\n") {
		t.Errorf("something was recorded:\n%s", stdout)
	}
}

// TestCopyInterrupted ends the context as Ctrl-C does, while a ledger is copied.
func TestCopyInterrupted(t *testing.T) {
	_, auditlog := inLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, stderr := auditlog(ctx, 130, "copy", "--to", "mirror")
	if !strings.Contains(stderr, "error: interrupted; what was copied is there") || !strings.Contains(stderr, "hint: run it again: it goes on where it was") {
		t.Errorf("%s", stderr)
	}
	auditlog(t.Context(), 0, "copy", "--to", "mirror")
}

// TestRecordsMatchSchema holds every event that the command makes, with all
// flags that may go with it, to the schema of records.
func TestRecordsMatchSchema(t *testing.T) {
	_, auditlog := inLedger(t)
	schema, err := draft2020.Compile("lifecycle.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	example := map[string]string{
		"metric": "val/m=1e-3 ms", "require": "m>=0.5", "verdict": "pass", "plan": "cfg.yaml", "report": "cfg.yaml", "document": "cfg.yaml",
		"expires": "2030-01-01T00:00:00Z", "ir-version": "9", "opset": "20", "from": "model.pt", "bridge-config": "cfg.yaml", "severity": "low",
		"signatures": "approved=2", "separate": "engineer:approver", "retention": "eu=2036", "label": "a=b", "attach": "cfg.yaml", "params": "cfg.yaml",
		"hook": "hook.json", "param": "a=1", "pid": "1", "code": ".", "declare": "a.b=c", "data": "train=data", "output": "data", "result": "ok",
		"acquired": "2026-01-31T00:00:00Z", "validation-report": "report.json",
	}
	for name, text := range map[string]string{
		"hook.json":   `{"auditlog_hook": 1, "params": {"lr": 0.1}}`,
		"report.json": `{"schema_version":"1.0","tool":{"name":"mmvalidate","version":""},"totals":{"error":0,"warning":0},"complete":true}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range recordable() {
		needed, full := []string{"record", string(k.Event), "--dry-run"}, []string{"record", string(k.Event), "--dry-run", "--id", "i"}
		had := map[string]bool{}
		for _, f := range explain(k).Flags {
			words := []string{"--" + f.Flag}
			if !isBool(f.Flag) {
				value := example[f.Flag]
				if value == "" {
					value = "some text"
				}
				words = append(words, value)
			}
			if slices.Contains([]string{"pid", "toolchain", "toolkit", "drift"}, f.Flag) {
				continue // the capture of train.started suffices
			}
			if f.Flag == "parts" {
				continue // as many runs wrote them: shards.txtar
			}
			full = append(full, words...)
			if f.Needed && !had[f.Flag] {
				needed = append(needed, words...)
				for _, other := range f.Or {
					had[other] = true
				}
			}
		}
		for _, args := range [][]string{needed, full} {
			stdout, _ := auditlog(t.Context(), 0, args...)
			var doc any
			if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("auditlog %q: %#v", args, err)
			}
			if _, err := audit.Decode([]byte(strings.TrimSuffix(stdout, "\n"))); err != nil {
				t.Errorf("auditlog %q: %v", args, err)
			}
		}
	}
}

// TestDryRunIsWhatIsLogged compares the statements, but for the time.
func TestDryRunIsWhatIsLogged(t *testing.T) {
	_, auditlog := inLedger(t)
	args := []string{"record", "train.finished", "--model", "m", "--version", "1", "--run", "r", "--output", "model.pt", "--params", "cfg.yaml", "--data", "data"}
	shown, _ := auditlog(t.Context(), 0, append(args, "--dry-run")...)
	auditlog(t.Context(), 0, append(args, "--out", "envelope.json")...)
	b, err := os.ReadFile("envelope.json")
	if err != nil {
		t.Fatal(err)
	}
	record, err := audit.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	logged, err := audit.Decode([]byte(strings.TrimSuffix(shown, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	p := *record.Predicate()
	p.Time.Claimed = logged.Predicate.Time.Claimed
	again, err := p.Encode()
	if err != nil || string(again)+"\n" != shown {
		t.Errorf("shown:\n%s\nlogged:\n%s", shown, again)
	}
}

// TestForgedNames records names that try to write lines of their own and to
// steer the terminal, and asks for them.
func TestForgedNames(t *testing.T) {
	_, auditlog := inLedger(t)
	const forged = "a\u202e\u2028::error::forged"
	auditlog(t.Context(), 0, "record", "incident", "--model", forged, "--version", forged, "--severity", "low", "--summary", "s\x1b[31m", "--actor", forged)
	auditlog(t.Context(), 0, "record", "train.failed", "--model", forged, "--version", forged, "--run", forged)
	auditlog(t.Context(), 2, "record", "train.failed", "--model", "a\nb", "--version", "1", "--run", "r")
	for _, args := range [][]string{{"status"}, {"keys", "show"}} {
		stdout, stderr := auditlog(t.Context(), 0, args...)
		if strings.ContainsAny(stdout+stderr, "\u202e\u2028\x1b") {
			t.Errorf("auditlog %q: %q", args, stdout+stderr)
		}
	}
}

func isBool(flag string) bool {
	for _, f := range recordFlags() {
		if d, ok := f.(interface{ TakesValue() bool }); ok && f.Names()[0] == flag {
			return !d.TakesValue()
		}
	}
	return false
}
