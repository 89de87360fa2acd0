package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

// pretend prints a table as a part would.
func pretend(name, printed string, reads ...reading) part {
	return part{name: name, full: []string{"printf", "%b", printed}, smoke: []string{"printf", "%b", printed}, reads: reads}
}

func cell(row string) figures.Cell {
	return figures.Cell{Table: "who", Row: "| " + row + " |", Column: "ms"}
}

const hash = "| who | ms |\n|---|---|\n| ours | 2.0 |\n| openssl | 9 |\n\nnot run: b3sum: no such program\n"

var pretended = []part{
	pretend(
		"hash", hash,
		reading{what: "files", beside: "openssl", ours: cell("ours"), theirs: cell("openssl"), asked: 4},
		reading{what: "files", beside: "openssl", ours: cell("ours"), theirs: cell("openssl"), asked: 5},
		reading{what: "rate", beside: "openssl", ours: cell("openssl"), theirs: cell("ours"), more: true},
		reading{what: "files", beside: "b3sum, all cores", ours: cell("ours"), theirs: cell("b3sum")},
		reading{what: "time", ours: cell("ours"), asked: 2, unit: "ms"},
		reading{what: "time", ours: cell("ours"), asked: 1.5, unit: "ms"},
		reading{what: "a second", ours: cell("ours"), asked: 3, more: true},
	),
	pretend("odd", "no table", reading{what: "nothing", ours: cell("ours")}),
	{name: "broken", full: []string{"false"}, smoke: []string{"false"}},
	{name: "large", full: []string{"true"}, apart: "it is large"},
}

// bare runs, and leaves out what differs from run to run.
func bare(t *testing.T, parts []part, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), parts, args, &out, &errs)
	return blank(out.String()), errs.String(), err
}

func blank(s string) string {
	s = strings.ReplaceAll(s, figures.Machine(os.TempDir()), "MACHINE")
	s = regexp.MustCompile(`\d{4}-\d\d-\d\d[^;]*`).ReplaceAllString(s, "WHEN")
	return regexp.MustCompile(`\d+ s\n`).ReplaceAllString(s, "SECONDS\n")
}

const wantHash = `| part | measured | beside | asked | seen |
|---|---|---|---|---|
| hash | files | openssl | ≥ 4x | 4.50x |
| hash | files | openssl | ≥ 5x | **4.50x** |
| hash | rate | openssl |  | 4.50x |
| hash | files | b3sum, all cores |  | not run: b3sum: no such program |
| hash | time |  | ≤ 2 ms | 2.00 ms |
| hash | time |  | ≤ 1.5 ms | **2.00 ms** |
| hash | a second |  | ≥ 3 | **2.00** |
`

func TestTable(t *testing.T) {
	out, _, err := bare(t, pretended, "hash")
	if err != nil {
		t.Fatal(err)
	}
	want := "MACHINE\n\n== hash: printf %b '" + hash + "'\n" + hash + "-- hash: 7 figures, SECONDS\n\n" + wantHash + `
- hash: ` + "`printf %b '" + hash + "'`" + `; WHEN; MACHINE
- odd: not run
- broken: not run
- large: not run
`
	if out != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}

// A part that fails is told, and does not keep others from running.
func TestFailure(t *testing.T) {
	for _, args := range [][]string{nil, {"-smoke"}} {
		out, errs, err := bare(t, pretended, args...)
		if err == nil || err.Error() != "these parts failed: odd, broken" {
			t.Errorf("%q: %v", args, err)
		}
		for _, want := range []string{"error: odd: no table: ", "error: broken: exit status 1"} {
			if !strings.Contains(errs, want) {
				t.Errorf("%q: no %q in:\n%s", args, want, errs)
			}
		}
		if want := "== large: "; !strings.Contains(out, want) {
			t.Errorf("%q: no %q in:\n%s", args, want, out)
		}
		if args == nil {
			for _, want := range []string{"| odd | nothing |  |  | not run: no table: ", "| broken |  |  |  | not run: exit status 1 |", "- broken: `false` failed"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		} else if !strings.Contains(out, "== large: not run: it is large") || !strings.Contains(out, "1 parts work") || strings.Contains(out, "| seen |") {
			t.Errorf("smoke says:\n%s", out)
		}
	}
}

// What was not run is kept as it was written.
func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	kept := "| part | measured | beside | asked | seen |\n|---|---|---|---|---|\n| hash | old |  |  | 1 |\n| large | rows |  |  | 7.00 ms |\n\n- hash: old\n- large: `true`; long ago\n"
	doc := "# Performance\n\n<!-- make bench: written -->\n" + kept + "<!-- make bench: end -->\n\n## Files\n"
	if err := os.WriteFile(file, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := bare(t, pretended, "-write", file, "hash"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := "# Performance\n\n<!-- make bench: written -->\n" + wantHash + "| large | rows |  |  | 7.00 ms |\n\n- hash: `printf %b '" + hash + "'`; WHEN; MACHINE\n" +
		"- odd: not run\n- broken: not run\n- large: `true`; long ago\n<!-- make bench: end -->\n\n## Files\n"
	if blank(string(got)) != want {
		t.Errorf("got:\n%s\nwant:\n%s", blank(string(got)), want)
	}
}

func TestUsage(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.md")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`no part "sqlite"; there are hash, odd`: {"sqlite"},
		"-smoke gives no figures to write":      {"-smoke", "-write", empty},
		`empty.md: want one line "<!-- make`:    {"-write", empty, "hash"},
		"no such file or directory":             {"-write", empty + "x", "hash"},
		"flag provided but not defined":         {"-fast"},
	} {
		if out, _, err := bare(t, pretended, args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(out, "==") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// Every part is a target of the Makefile or a command of go, and has a smoke size
// or says why not; and the document has the place where figures are written.
func TestParts(t *testing.T) {
	const root = "../../.."
	seen := map[string]bool{}
	for _, p := range parts {
		if seen[p.name] {
			t.Errorf("two parts %s", p.name)
		}
		seen[p.name] = true
		if (p.smoke == nil) != (p.apart != "") {
			t.Errorf("%s: want either a smoke size, or why there is none", p.name)
		}
		for _, command := range [][]string{p.full, p.smoke} {
			if len(command) == 0 || command[0] == "go" {
				continue
			}
			cmd := exec.Command(command[0], append([]string{"-n"}, command[1:]...)...)
			cmd.Dir = root
			if out, err := cmd.CombinedOutput(); command[0] != "make" || err != nil {
				t.Errorf("%s: %s: %v\n%s", p.name, line(command), err, out)
			}
		}
	}
	doc, err := os.ReadFile(root + "/docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := figures.Between(string(doc), marker); err != nil {
		t.Error(err)
	}
}
