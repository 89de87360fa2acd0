package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/report"
)

// object makes a small valid KITTI object data set.
func object(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := (datagen.KITTIObject{Seed: 7}).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInterrupted ends the context as Ctrl-C does: the status is 130, and the
// report that was asked for is there and says that it is partial.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{object(t), "-f", "json"}, strings.NewReader(""), &stdout, &stderr)
	if code != 130 || !strings.Contains(stderr.String(), "interrupted; the report is partial") {
		t.Errorf("exit status %d, stderr %q", code, &stderr)
	}
	var rep report.Report
	if err := json.Unmarshal(stdout.Bytes(), &rep); err != nil {
		t.Fatalf("%v in %s", err, &stdout)
	}
	if rep.Complete || rep.Incomplete == "" {
		t.Errorf("complete = %v, incomplete = %q", rep.Complete, rep.Incomplete)
	}
}

// TestProgress shows the bar where it is asked for, and nowhere else.
func TestProgress(t *testing.T) {
	dir := object(t)
	for mode, want := range map[string]bool{"on": true, "off": false, "auto": false} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{dir, "--ignore", "UMM", "--progress", mode}, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("exit status %d: %s", code, &stderr)
		}
		if got := strings.Contains(stderr.String(), "validating"); got != want {
			t.Errorf("--progress %s: stderr %q", mode, &stderr)
		}
		if strings.Contains(stdout.String(), "validating") {
			t.Errorf("--progress %s writes to stdout", mode)
		}
	}
}

// TestForgedNames gives folders whose names try to write lines of their own
// and to steer the terminal.
func TestForgedNames(t *testing.T) {
	outer := t.TempDir()
	root := filepath.Join(outer, "a\n::error::forged\x1b[31m\u202e")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range datagen.Formats() {
		if f.Name == "t4" {
			if err := f.Write(1, 2, root); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, args := range [][]string{
		{"detect", outer},
		{"detect", filepath.Join(root, "data")},
		{"annotate", outer},
		{"-v", outer},
		{"fix", outer},
		{root + "/nothing"},
		{"--config", root + "/nothing", outer},
		{"--baseline", root + "/nothing", outer},
		{"--files-from", root + "/nothing", outer},
		{"-o", root + "/no/thing.json", outer},
		{"--since", root, outer},
		{"annotate", "--raw", root + "/data", outer},
		{"annotate", "--map", root, outer},
	} {
		var out strings.Builder
		run(t.Context(), args, strings.NewReader(""), &out, &out)
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(strings.TrimSpace(line), "::error") || strings.ContainsAny(line, "\x1b\u202e") {
				t.Errorf("%q prints %q", args, line)
			}
		}
	}
}
