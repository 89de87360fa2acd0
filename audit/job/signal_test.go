//go:build linux

package job

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// These tests run three generations: the test starts a wrapper, the wrapper
// runs a command; both are this program in another mode.
func TestMain(m *testing.M) {
	switch os.Getenv("JOB_TEST_MODE") {
	case "":
		// What ran the tests may ignore signals (a shell in the background):
		// one that is taken here is not ignored by the programs started.
		for _, s := range passed {
			if signal.Ignored(s) {
				signal.Notify(make(chan os.Signal, 1), s)
			}
		}
		os.Exit(m.Run())
	case "wrapper":
		wrapper()
	case "command":
		command()
	}
}

// wrapper runs the command and tells how it ended.
func wrapper() {
	os.Setenv("JOB_TEST_MODE", "command")
	r, err := Run(context.Background(), Options{Argv: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	fmt.Printf("%s %d %v\n", r.Outcome, r.Code(), r.Received)
	os.Exit(r.Code())
}

// command tells each signal that it gets. SIGTERM, or the end of its input,
// ends it.
func command() {
	if len(os.Args) > 1 { // a library to load when told
		fmt.Scanln()
		f, err := os.Open(os.Args[1])
		if err != nil {
			panic(err)
		}
		if _, err := unix.Mmap(int(f.Fd()), 0, 64, unix.PROT_READ, unix.MAP_PRIVATE); err != nil {
			panic(err)
		}
		f.Close()
		io.Copy(io.Discard, os.Stdin)
		return
	}
	ignored := signal.Ignored(syscall.SIGHUP)
	got := make(chan os.Signal, 100)
	for _, s := range []os.Signal{
		syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGXCPU, syscall.SIGCONT,
	} {
		if !signal.Ignored(s) {
			signal.Notify(got, s)
		}
	}
	fmt.Printf("ready %d %d %t\n", os.Getpid(), syscall.Getppid(), ignored)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for s := range got {
		fmt.Printf("got %d\n", s)
		if s == syscall.SIGTERM {
			os.Exit(3)
		}
	}
}

// three starts them, with input held open, and gives the pids of the wrapper
// and of the command.
func three(t *testing.T, cmd *exec.Cmd) (out lines, wrapper, command int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stdin == nil {
		in, hold, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdin = in
		t.Cleanup(func() { in.Close(); hold.Close() })
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		cmd.Process.Kill()
		if command != 0 {
			syscall.Kill(command, syscall.SIGKILL)
		}
		cmd.Wait()
		io.Copy(io.Discard, r) // until both are gone
		r.Close()
	})
	out = lines{r}
	var ignored bool
	if _, err := fmt.Sscanf(out.next(t), "ready %d %d %t", &command, &wrapper, &ignored); err != nil {
		t.Fatal(err)
	}
	return out, wrapper, command
}

func kill(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsArePassedOnce(t *testing.T) {
	cmd := helper("wrapper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal
	out, wrapper, _ := three(t, cmd)
	sent := []syscall.Signal{
		syscall.SIGUSR1, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGXCPU,
		syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM,
	}
	for _, s := range sent {
		kill(t, wrapper, s)
		out.want(t, "got %d", s) // and nothing before
	}
	out.want(t, "aborted 3 %v", sent)
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 3 {
		t.Error(cmd.ProcessState)
	}
}

// Under nohup SIGHUP is ignored, and stays so for both.
func TestIgnoredStaysIgnored(t *testing.T) {
	self := helper("wrapper")
	cmd := exec.Command("sh", "-c", `trap "" HUP; exec "$0"`, self.Path)
	cmd.Env, cmd.Stderr = self.Env, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, wrapper, command := three(t, cmd)
	kill(t, wrapper, syscall.SIGHUP)
	kill(t, command, syscall.SIGHUP)
	kill(t, wrapper, syscall.SIGTERM)
	out.want(t, "got %d", syscall.SIGTERM)
	out.want(t, "aborted 3 %v", []syscall.Signal{syscall.SIGTERM})
}

// Of the keyboard the command has each signal once: from the terminal.
func TestTerminal(t *testing.T) {
	master, slave := pty(t)
	cmd := helper("wrapper")
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	out, wrapper, _ := three(t, cmd)
	for _, key := range []struct {
		text string
		s    syscall.Signal
	}{{"\x03", syscall.SIGINT}, {"\x1c", syscall.SIGQUIT}, {"\x03", syscall.SIGINT}} {
		if _, err := master.WriteString(key.text); err != nil {
			t.Fatal(err)
		}
		out.want(t, "got %d", key.s)
		// Had the wrapper passed it on, that would come before this one.
		kill(t, wrapper, syscall.SIGUSR1)
		out.want(t, "got %d", syscall.SIGUSR1)
	}
	kill(t, wrapper, syscall.SIGTERM)
	out.want(t, "got %d", syscall.SIGTERM)
	if got := out.next(t); !strings.HasPrefix(got, "aborted 3 ") || strings.Count(got, "interrupt") != 2 {
		t.Error(got)
	}
}

// A command that left the group gets no signals of the keyboard but from the
// wrapper.
func TestTerminalOtherGroup(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("needs setsid")
	}
	master, slave := pty(t)
	cmd := helper("wrapper")
	cmd.Args = []string{"setsid", cmd.Path} // of the wrapper: what it runs
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	out, wrapper, _ := three(t, cmd)
	if _, err := master.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	out.want(t, "got %d", syscall.SIGINT)
	kill(t, wrapper, syscall.SIGTERM)
	out.want(t, "got %d", syscall.SIGTERM)
}

func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// Suspended and continued, as a shell does it: both stop, both go on.
func TestJobControl(t *testing.T) {
	cmd := helper("wrapper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, wrapper, command := three(t, cmd)
	for range 2 {
		kill(t, wrapper, syscall.SIGTSTP)
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(wrapper, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
			t.Fatalf("%v, %v", status, err)
		}
		if s := state(t, command); s != "T" {
			t.Fatalf("the command is in state %s", s)
		}
		kill(t, wrapper, syscall.SIGCONT)
		out.want(t, "got %d", syscall.SIGCONT)
		// It goes on: it passes a signal.
		kill(t, wrapper, syscall.SIGUSR1)
		out.want(t, "got %d", syscall.SIGUSR1)
	}
	// The command alone is suspended: the wrapper is not.
	kill(t, command, syscall.SIGSTOP)
	kill(t, wrapper, syscall.SIGCONT)
	out.want(t, "got %d", syscall.SIGCONT)
	kill(t, wrapper, syscall.SIGTERM)
	out.want(t, "got %d", syscall.SIGTERM)
}

// state gives the letter of /proc/PID/stat.
func state(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(data[strings.LastIndexByte(string(data), ')')+2])
}

// If the wrapper is killed, the command goes on.
func TestWrapperIsKilled(t *testing.T) {
	cmd := helper("wrapper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, wrapper, command := three(t, cmd)
	kill(t, wrapper, syscall.SIGKILL)
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	kill(t, command, syscall.SIGUSR2)
	out.want(t, "got %d", syscall.SIGUSR2)
	kill(t, command, syscall.SIGTERM)
	out.want(t, "got %d", syscall.SIGTERM)
}

// A grandchild loads a library late; the file is deleted while the command runs.
func TestLateLibrary(t *testing.T) {
	for name, late := range map[string]func(t *testing.T, file string) *exec.Cmd{
		"mmap": func(t *testing.T, file string) *exec.Cmd { return helper("command", file) },
		"dlopen": func(t *testing.T, file string) *exec.Cmd {
			if err := exec.Command("python3", "-c", "import ctypes").Run(); err != nil {
				t.Skip("needs python3 with ctypes")
			}
			const script = "import ctypes, sys\nsys.stdin.readline()\nctypes.CDLL(sys.argv[1])\nsys.stdin.read()\n"
			return exec.Command("python3", "-c", script, file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "libcudart.so.12.4.127")
			copySystemLibrary(t, file)
			inner := late(t, file)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			beat := 0
			has := func(b Beat) bool {
				return slices.ContainsFunc(b.Libraries.Known(), func(l toolchain.Library) bool { return l.Path == file })
			}
			result := run(t, Options{
				Argv: append([]string{"sh", "-c", `"$@"; exit $?`, "sh"}, inner.Args...), Env: inner.Env,
				Stdin: r, Stderr: os.Stderr, Heartbeat: time.Millisecond, PollLibraries: time.Millisecond,
				OnHeartbeat: func(_ context.Context, b Beat) {
					switch beat++; {
					case beat == 1:
						if has(b) {
							t.Error("seen before it was loaded")
						}
						fmt.Fprintln(w, "load")
					case w != nil && has(b):
						os.Remove(file)
						w.Close()
						w = nil
					}
				},
			})
			if result.Code() != 0 {
				t.Fatalf("%+v", result)
			}
			libs, err := result.Libraries.Libraries(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, l := range libs {
				if l.Path == file {
					if found++; len(l.Digest) != 128 || !l.SameFile || l.Error != "" {
						t.Errorf("%+v", l)
					}
				}
			}
			if found != 1 {
				t.Errorf("found %d times: %+v", found, libs)
			}
		})
	}
}

func copySystemLibrary(t *testing.T, to string) {
	t.Helper()
	for _, pattern := range []string{"/lib/*-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			data, err := os.ReadFile(found[0])
			if err == nil {
				err = os.WriteFile(to, data, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Skip("no libm to copy")
}

// Many processes that live shortly do no harm.
func TestShortLivedChildren(t *testing.T) {
	r := run(t, Options{Argv: []string{"sh", "-c", "i=0; while [ $i -lt 200 ]; do (:) & i=$((i+1)); done; wait"}, PollLibraries: time.Microsecond})
	if r.Code() != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := r.Libraries.Libraries(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	const stat = "42 (a ) (b) S 1 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 5 6 7\n"
	if got := cpuTime([]byte(stat)); got != 1100*time.Millisecond {
		t.Error(got)
	}
	if got := peak([]byte("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n")); got != 1234<<10 {
		t.Error(got)
	}
	if u := usage([]int{os.Getpid(), 1 << 30}); u.alive != 1 || u.largest == 0 {
		t.Errorf("%+v", u)
	}
}

func FuzzUsage(f *testing.F) {
	f.Add([]byte("42 (a) S 1 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1\nVmHWM:\t 1 kB\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cpuTime(data) < 0 || peak(data) < 0 {
			t.Errorf("less than nothing: %q", data)
		}
	})
}
