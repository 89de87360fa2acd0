package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script runs the benchmarks of a commit and of the working tree with its
// changes, as often as it is told, and leaves nothing behind.
func TestBenchstat(t *testing.T) {
	script, err := filepath.Abs("../benchstat.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"sh", "git", "seq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	repository, tmp := t.TempDir(), t.TempDir()
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = repository
		// In place of benchstat: which side, and how many lines of each benchmark.
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "BENCHFLAGS=-test.benchtime=1x", "BENCHSTAT=sh count.sh",
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	benchmark := func(name string) string {
		return "package a\n\nimport \"testing\"\n\nfunc Benchmark" + name + "(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n"
	}
	write("count.sh", `for side; do echo "${side%%=*}: $(grep -c ^BenchmarkOld "${side#*=}") old, $(grep -c ^BenchmarkNew "${side#*=}") new"; done`)
	write("go.mod", "module example.com/bench\n\ngo 1.26\n")
	write("a/a_test.go", benchmark("Old"))
	run("git", "init", "-q")
	run("git", "add", "-A")
	run("git", "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-q", "-m", "first")
	write("a/b_test.go", benchmark("New"))
	write("later/a_test.go", benchmark("Old"))

	out := run("sh", script, "HEAD", "", ".", "3", "./...")
	for _, want := range []string{"not run: ./later: no benchmarks at HEAD", "HEAD: 3 old, 0 new", "working tree: 3 old, 3 new"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if out := run("sh", script, "HEAD", "HEAD", "Old", "1", "./a"); strings.Count(out, "HEAD: 1 old, 0 new") != 2 {
		t.Errorf("two commits give:\n%s", out)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if trees := run("git", "worktree", "list"); strings.Count(trees, "\n") != 1 {
		t.Errorf("left behind:\n%s", trees)
	}
}
