package keys

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be a process with a terminal of its own, or one
// that cannot write much.
func TestMain(m *testing.M) {
	if os.Getenv("KEYS_TEST_PROMPT") != "" {
		src, err := ParsePassphraseSource("prompt")
		if err != nil {
			panic(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { // the end of stdin is what Ctrl-C is to a command
			os.Stdin.Read(make([]byte, 1))
			cancel()
		}()
		p, err := src.ReadNew(ctx, `"my.key"`)
		fmt.Printf("%q, %v\n", p, err)
		os.Exit(0)
	}
	if path := os.Getenv("KEYS_TEST_FULL"); path != "" {
		k, err := Generate(Ed25519)
		signal.Ignore(syscall.SIGXFSZ)
		err = errors.Join(err, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16, Max: 16}))
		if err != nil {
			panic(err)
		}
		fmt.Println(Create(path, k, nil))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestFull makes a key where only its first bytes can be written: nothing of it
// is left.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "KEYS_TEST_FULL="+filepath.Join(dir, "key"), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), syscall.EFBIG.Error()) {
		t.Errorf("%s, %v", out, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestPrompt(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string // nil: cancelled at the first question
		want    string
	}{
		"twice the same": {[]string{"correct horse", "correct horse"}, `"correct horse", <nil>`},
		"differs":        {[]string{"correct horse", "correct house"}, `"", the two passphrases differ`},
		"empty":          {[]string{""}, `"", passphrase from prompt: it is empty`},
		"cancelled":      {nil, `"", passphrase from prompt: context canceled`},
	} {
		t.Run(name, func(t *testing.T) {
			master, slave := terminal(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "KEYS_TEST_PROMPT=1", "GORACE=atexit_sleep_ms=0")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
			cmd.ExtraFiles = []*os.File{slave}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var out, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			screen := bufio.NewReader(master)
			seen := ""
			for i, question := range []string{`Passphrase of "my.key": `, "The same again: "} {
				if i > 0 && i >= len(c.answers) {
					break
				}
				for !strings.HasSuffix(seen, question) {
					b, err := screen.ReadByte()
					if err != nil {
						t.Fatalf("after %q: %v", seen, err)
					}
					seen += string(b)
				}
				if c.answers == nil {
					stdin.Close()
				} else if _, err := master.WriteString(c.answers[i] + "\n"); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			if got := strings.TrimSpace(out.String()); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if strings.Contains(seen, "horse") {
				t.Errorf("the terminal shows it: %q", seen)
			}
			state, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if state.Lflag&unix.ECHO == 0 {
				t.Error("the terminal is left without echo")
			}
		})
	}
}

// terminal makes a pseudo-terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}
