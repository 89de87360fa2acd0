package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deadline bounds what must not hang; nothing waits for it otherwise.
func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func run(t testing.TB, o Options) *Result {
	t.Helper()
	r, err := Run(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		script  string
		code    int
		signal  syscall.Signal
		outcome Outcome
	}{
		{"exit 0", 0, 0, Finished},
		{"exit 1", 1, 0, Failed},
		{"exit 42", 42, 0, Failed},
		{"exit 255", 255, 0, Failed},
		{"exit 130", 130, 0, Failed}, // says so itself; no signal came
		{"kill -KILL $$", 137, syscall.SIGKILL, Failed},
		{"kill -TERM $$", 143, syscall.SIGTERM, Aborted},
		{"kill -HUP $$", 129, syscall.SIGHUP, Aborted},
		{"ulimit -c 0; kill -SEGV $$", 139, syscall.SIGSEGV, Failed},
	} {
		r := run(t, Options{Argv: []string{"sh", "-c", c.script}})
		if r.Code() != c.code || r.Signal != c.signal || r.Outcome != c.outcome || (r.Exit == -1) != (c.signal != 0) {
			t.Errorf("%s: %+v", c.script, r)
		}
		if r.PID <= 0 || r.Ended.Before(r.Started) || r.MaxRSS < 100<<10 || len(r.Received) != 0 {
			t.Errorf("%s: %+v", c.script, r)
		}
		if err := syscall.Kill(r.PID, 0); err != syscall.ESRCH {
			t.Errorf("%s: the process is still there: %v", c.script, err)
		}
	}
}

func TestUsageIsThatOfTheCommand(t *testing.T) {
	r := run(t, Options{Argv: []string{"sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"}})
	if r.User <= 0 || r.User > r.Ended.Sub(r.Started)+time.Second {
		t.Errorf("user %v of %v", r.User, r.Ended.Sub(r.Started))
	}
}

func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		name   string
		reason error
		code   int
	}{
		{"no-such-command-anywhere", ErrNotFound, 127},
		{"", ErrNotFound, 127},
		{filepath.Join(dir, "absent"), ErrNotFound, 127},
		{write("file", "", 0o644) + "/below", ErrNotFound, 127},
		{write("orphan", "#!/no/such/interpreter\n", 0o755), ErrNotFound, 127},
		{write("data", "x", 0o644), ErrNotExecutable, 126},
		{dir, ErrNotExecutable, 126},
		{write("text", "neither script nor program\n", 0o755), ErrNotExecutable, 126},
	} {
		started := false
		_, err := Run(deadline(t), Options{Argv: []string{c.name}, OnStart: func(context.Context, Process) { started = true }})
		var e *StartError
		if !errors.As(err, &e) || !errors.Is(err, c.reason) || e.Code() != c.code || e.Command != c.name || started {
			t.Errorf("%q: %v (started: %t)", c.name, err, started)
		}
	}
	if _, err := Run(deadline(t), Options{}); err == nil {
		t.Error("no command is none")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Options{Argv: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o755, "b/tool": 0o755, "c/tool": 0o644, "here": 0o755} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte("#!/bin/sh\necho "+name+"\n"), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, name, output string }{
		{"/none:" + dir + "/a:" + dir + "/b", "tool", "a/tool"},
		{dir + "/c:" + dir + "/b", "tool", "b/tool"}, // one that cannot be executed is passed over
		{"b", "tool", "b/tool"},                      // relative to the folder of the command
		{"", "here", ""},                             // an empty PATH is not the folder
		{":", "here", "here"},                        // an empty entry is
		{"", "./here", "here"},
		{dir + "/c", "tool", ""},
	} {
		var out bytes.Buffer
		env := []string{"PATH=/overridden", "PATH=" + c.path}
		_, err := Run(deadline(t), Options{Argv: []string{c.name}, Dir: dir, Env: env, Stdout: &out})
		if strings.TrimSpace(out.String()) != c.output || (err == nil) != (c.output != "") {
			t.Errorf("%q in %q: %q, %v", c.name, c.path, out.String(), err)
		}
	}
	if _, err := Find("tool", dir, []string{"PATH=" + dir + "/c"}); !errors.Is(err, ErrNotExecutable) {
		t.Error(err)
	}
}

// Bytes pass unaltered, through pipes and through inherited files.
func TestStreams(t *testing.T) {
	data := make([]byte, 300_001)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(data)
	var out, errs bytes.Buffer
	script := []string{"sh", "-c", "cat; printf 'to \\377 stderr' >&2"}
	run(t, Options{Argv: script, Stdin: bytes.NewReader(data), Stdout: &out, Stderr: &errs})
	if !bytes.Equal(out.Bytes(), data) || errs.String() != "to \xff stderr" {
		t.Errorf("%d bytes, %q", out.Len(), errs.String())
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(name string, flag int) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	both := open("out", os.O_CREATE|os.O_RDWR)
	run(t, Options{Argv: []string{"sh", "-c", "cat; [ -f /dev/stdin ] && [ -f /dev/stdout ] && printf inherited >&2"}, Stdin: open("in", os.O_RDONLY), Stdout: both, Stderr: both})
	got, err := os.ReadFile(both.Name())
	if err != nil || !bytes.Equal(got, append(bytes.Clone(data), "inherited"...)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	run(t, Options{Argv: []string{"sh", "-c", "cat; echo unseen"}}) // the null device: ends at once
}

// What outlives the command and holds its pipe does not hold the wrapper.
func TestOrphanHoldsPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close() // ends the orphan
	var out bytes.Buffer
	started := time.Now()
	result := run(t, Options{Argv: []string{"sh", "-c", "exec 3<&0; cat <&3 & echo said"}, Stdin: r, Stdout: &out})
	if result.Code() != 0 || out.String() != "said\n" || time.Since(started) > 30*time.Second {
		t.Errorf("%+v %q", result, out.String())
	}
}

func TestHeartbeat(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var beats []Beat
	var start Process
	result := run(t, Options{
		Argv: []string{"sh", "-c", "cat; :"}, Stdin: r, Heartbeat: time.Millisecond,
		OnStart: func(_ context.Context, p Process) { start = p },
		OnHeartbeat: func(_ context.Context, b Beat) {
			if beats = append(beats, b); len(beats) == 3 {
				w.Close()
			}
		},
	})
	if len(beats) < 3 || start.PID != result.PID || !start.Started.Equal(result.Started) {
		t.Fatalf("%d beats, %+v", len(beats), start)
	}
	for i, b := range beats {
		if b.Number != i+1 || b.PID != result.PID || b.Elapsed <= 0 || i > 0 && (b.Elapsed < beats[i-1].Elapsed || b.MaxRSS < beats[i-1].MaxRSS) {
			t.Errorf("%+v", b)
		}
	}
	if b := beats[0]; runtime.GOOS == "linux" && (b.Processes < 1 || b.MaxRSS == 0) {
		t.Errorf("%+v", b)
	}
}

// Hooks that take for ever delay neither the command nor one another, and end
// with the command.
func TestHooksNeverDelay(t *testing.T) {
	before := runtime.NumGoroutine()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	beats, returned := 0, 0
	run(t, Options{
		Argv: []string{"cat"}, Stdin: r, Heartbeat: time.Millisecond,
		OnStart:     func(ctx context.Context, _ Process) { <-ctx.Done(); time.Sleep(20 * time.Millisecond); returned++ },
		OnHeartbeat: func(ctx context.Context, _ Beat) { beats++; w.Close(); <-ctx.Done() },
	})
	if beats != 1 || returned != 1 {
		t.Errorf("%d beats at once, %d hooks waited for", beats, returned)
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestContextEnds(t *testing.T) {
	for _, c := range []struct {
		script string
		grace  time.Duration
		signal syscall.Signal
		exit   int
	}{
		{"echo ready; exec cat", 0, syscall.SIGTERM, -1},
		{"trap 'exit 5' TERM; echo ready; while read x; do :; done", 0, 0, 5},
		{"trap '' TERM; echo ready; exec cat", time.Millisecond, syscall.SIGKILL, -1},
	} {
		ctx, cancel := context.WithCancel(deadline(t))
		in, hold, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ready := writer(func(p []byte) { cancel() })
		r, err := Run(ctx, Options{Argv: []string{"sh", "-c", c.script}, Stdin: in, Stdout: ready, Grace: c.grace})
		if err != nil || r.Outcome != Aborted || r.Signal != c.signal || r.Exit != c.exit {
			t.Errorf("%s: %+v, %v", c.script, r, err)
		}
		hold.Close()
		in.Close()
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestGap(t *testing.T) {
	for _, c := range []struct{ age, longest, want time.Duration }{
		{0, 0, 10 * time.Millisecond},
		{time.Second, 0, 62500 * time.Microsecond},
		{time.Minute, 0, 3750 * time.Millisecond},
		{time.Hour, 0, 30 * time.Second},
		{time.Hour, time.Minute, time.Minute},
		{time.Hour, time.Millisecond, time.Millisecond},
	} {
		if got := gap(c.age, c.longest); got != c.want {
			t.Errorf("%v, %v: %v", c.age, c.longest, got)
		}
	}
	looks := 0
	for age := time.Duration(0); age < time.Minute; age += gap(age, 0) {
		looks++
	}
	if looks > 120 {
		t.Errorf("%d looks in the first minute", looks)
	}
}

// lines reads a process's output by lines.
type lines struct{ r io.Reader }

func (l lines) next(t testing.TB) string {
	t.Helper()
	var out []byte
	for b := [1]byte{}; ; {
		n, err := l.r.Read(b[:])
		if n == 1 && b[0] == '\n' {
			return string(out)
		}
		if err != nil {
			t.Fatalf("output ended after %q: %v", out, err)
		}
		out = append(out, b[:n]...)
	}
}

func (l lines) want(t testing.TB, format string, args ...any) {
	t.Helper()
	if got, want := l.next(t), fmt.Sprintf(format, args...); got != want {
		t.Fatalf("line %q, want %q", got, want)
	}
}

func helper(mode string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "JOB_TEST_MODE="+mode)
	cmd.Stderr = os.Stderr
	return cmd
}
