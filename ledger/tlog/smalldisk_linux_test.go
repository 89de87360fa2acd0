package tlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// The test binary is also the process on the small disk.
func init() {
	if mount := os.Getenv("TLOG_TEST_DISK"); mount != "" {
		test := onSmallDisk
		if os.Getenv("TLOG_TEST_DISK_OF") == "mirror" {
			test = mirrorOnSmallDisk
		}
		if err := test(mount); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

func TestSmallDisk(t *testing.T) { smallDisk(t, "log") }

func TestMirrorSmallDisk(t *testing.T) { smallDisk(t, "mirror") }

// smallDisk runs onSmallDisk or mirrorOnSmallDisk in a mount name space of its
// own, where it may mount what it wants.
func smallDisk(t *testing.T, of string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "TLOG_TEST_DISK="+t.TempDir(), "TLOG_TEST_DISK_OF="+of)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.HasPrefix(string(out), errNoMount) {
		t.Skipf("this system does not let the test mount a small disk: %v %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const errNoMount = "cannot mount"

// onSmallDisk appends to a log on a file system in memory that has a few free
// pages, one more each time, until all goes well; and then on one that is
// read-only. What was acknowledged is there, and the log goes on once there is
// room again.
func onSmallDisk(mount string) error {
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("%s: %w", errNoMount, err)
	}
	o := options(nil, mount+"/pins")
	ctx := context.Background()
	l, err := Init(ctx, mount+"/log", o)
	if err != nil {
		return err
	}
	defer l.Close()
	record := func(i int) []byte { return ledgertest.Record(fmt.Sprint(i), strings.Repeat("x", 2500)) }
	for i := range 3 {
		if _, err := l.Append(ctx, record(i)); err != nil {
			return err
		}
	}
	next, full := int64(3), 0
	for pages := 0; ; pages++ {
		filler := mount + "/filler"
		if err := fill(filler, pages); err != nil {
			return err
		}
		receipt, appended := l.Append(ctx, record(int(next)))
		if appended != nil {
			full++
			if !errors.Is(appended, syscall.ENOSPC) || !strings.HasSuffix(appended.Error(), ": no space left on device") {
				return fmt.Errorf("%d pages: %w", pages, appended)
			}
		} else if receipt.Index != next {
			return fmt.Errorf("%d pages: %+v, want index %d", pages, receipt, next)
		}
		if err := sound(ctx, l); err != nil {
			return fmt.Errorf("%d pages, while full: %w", pages, err)
		}
		if err := os.Remove(filler); err != nil {
			return err
		}
		// Another process goes on.
		other, err := Open(ctx, mount+"/log", o)
		if err != nil {
			return err
		}
		receipt, err = other.Append(ctx, record(int(next)))
		if err == nil && (receipt.Index != next || appended == nil && !receipt.Known) {
			err = fmt.Errorf("receipt %+v, want index %d", receipt, next)
		}
		if err = errors.Join(err, sound(ctx, other), other.Close()); err != nil {
			return fmt.Errorf("%d pages, with room again: %w", pages, err)
		}
		next++
		if appended == nil && pages > 3 {
			break
		}
	}
	if full < 4 {
		return fmt.Errorf("the disk was full %d times only", full)
	}

	if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	_, err = l.Append(ctx, record(1000))
	if want := "open " + mount + "/log/lock: read-only file system"; err == nil || err.Error() != want {
		return fmt.Errorf("append to a read-only disk: %w, want %s", err, want)
	}
	if r, err := l.Append(ctx, record(0)); err == nil {
		return fmt.Errorf("known record on a read-only disk: %+v", r) // it cannot know without the lock
	}
	if err := sound(ctx, l); err != nil {
		return fmt.Errorf("read-only: %w", err)
	}
	o.Signer = nil
	reader, err := Open(ctx, mount+"/log", o)
	if err != nil {
		return err
	}
	_, err = reader.Get(ctx, next-1)
	return errors.Join(err, sound(ctx, reader), reader.Close())
}

// mirrorOnSmallDisk makes and extends a mirror on a file system in memory that
// has a few more free pages each time. A mirror that is full is the one that it
// was, and goes on once there is room again.
func mirrorOnSmallDisk(mount string) error {
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=2m"); err != nil {
		return fmt.Errorf("%s: %w", errNoMount, err)
	}
	o := options(nil, "")
	ctx := context.Background()
	source, err := Init(ctx, mount+"/source", o)
	if err != nil {
		return err
	}
	defer source.Close()
	var heads []ledger.Head
	for _, n := range []int{200, 520} {
		size := 0
		if len(heads) > 0 {
			size = int(heads[0].Size)
		}
		var records [][]byte
		for i := size; i < n; i++ {
			records = append(records, ledgertest.Record(fmt.Sprint(i), strings.Repeat("x", 500)))
		}
		if _, err := source.AppendAll(ctx, records); err != nil {
			return err
		}
		h, err := source.Head(ctx)
		if err != nil {
			return err
		}
		heads = append(heads, h)
	}
	reader := readers(o, mount+"/pins")
	full, filler := 0, mount+"/filler"
	for i, h := range heads {
		for pages := 0; ; pages += 5 {
			if err := fill(filler, pages); err != nil {
				return err
			}
			mirrored := Mirror(ctx, mount+"/mirror", reader, source, h, nil)
			if mirrored != nil && !errors.Is(mirrored, syscall.ENOSPC) {
				return fmt.Errorf("head %d, %d pages: %w", i, pages, mirrored)
			}
			if err := os.Remove(filler); err != nil {
				return err
			}
			if mirrored == nil {
				break
			}
			full++
			if i == 0 {
				continue
			}
			m, err := Open(ctx, mount+"/mirror", reader)
			if err == nil {
				err = errors.Join(sound(ctx, m), m.Close())
			}
			if err != nil {
				return fmt.Errorf("head %d, %d pages, while full: %w", i, pages, err)
			}
		}
		m, err := Open(ctx, mount+"/mirror", reader)
		if err != nil {
			return err
		}
		got, err := m.Head(ctx)
		if err = errors.Join(err, sound(ctx, m), m.Close()); err != nil || got.Size != h.Size {
			return fmt.Errorf("head %d: size %d, %w", i, got.Size, err)
		}
	}
	if full < 8 {
		return fmt.Errorf("the disk was full %d times only", full)
	}
	return nil
}

// fill takes all of a file system but some pages.
func fill(name string, free int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	page := make([]byte, os.Getpagesize())
	size := int64(0)
	for {
		n, err := f.Write(page)
		size += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			return err
		}
	}
	return f.Truncate(max(0, size-int64(free*len(page))))
}

// sound wants no fault.
func sound(ctx context.Context, l *Log) error {
	r, err := l.Verify(ctx, VerifyOptions{})
	if err == nil && len(r.Faults) > 0 {
		err = fmt.Errorf("%w: %v", ledger.ErrCorrupt, r.Faults)
	}
	return err
}
