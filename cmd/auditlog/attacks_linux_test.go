package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// onSmallDisk records on a file system in memory that is full, then has room
// again, and then is read-only.
const onSmallDisk = `
mkdir disk && mount -t tmpfs -o size=1m tmpfs disk || { echo cannot mount; exit 0; }
cp -a .auditlog disk/ledger
export AUDITLOG_LEDGER=disk/ledger
say() { echo "== $1"; shift; "$@"; echo "exit status $?"; }
event() { auditlog record incident --model bev --version 1 --severity low --summary "$1"; }
say before event a
dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null
say full event b
say "full, with a document" auditlog record data.registered --data data
say "full, verified" auditlog verify -q
rm disk/filler
say "room again" event c
mount -o remount,ro disk
say read-only event d
say "read-only, verified" auditlog verify -q
`

// TestDisk wants that nothing is recorded where it cannot be, that this is said,
// and that what is there stays whole.
func TestDisk(t *testing.T) {
	inLedger(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", onSmallDisk)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), "cannot mount") {
		t.Skipf("this system does not let the test mount a small disk: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said := map[string]string{}
	for _, part := range strings.Split(string(out), "== ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		said[title] = rest
	}
	for _, want := range []struct {
		title string
		words []string
	}{
		{"before", []string{"record 1 ", "exit status 0"}},
		{"full", []string{"no space left on device", "exit status 3"}},
		{"full, with a document", []string{"no space left on device", "exit status 3"}},
		{"full, verified", []string{"\nsize        2\n", "exit status 0"}},
		{"room again", []string{"record 2 ", "exit status 0"}},
		{"read-only", []string{"read-only file system", "exit status 3"}},
		{"read-only, verified", []string{"\nsize        3\n", "exit status 0"}},
	} {
		for _, word := range want.words {
			if !strings.Contains(said[want.title], word) {
				t.Errorf("%s: does not say %q:\n%s", want.title, word, out)
			}
		}
	}
}
