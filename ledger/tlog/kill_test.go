package tlog

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("TLOG_TEST_WRITER") != "" {
		if err := writer(); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writer appends records from four goroutines until it is killed: by itself
// before or after some change to the disk, or by its parent. Each record that
// was acknowledged is a line on stdout.
func writer() error {
	var o Options
	s, v, err := NewKey(origin, testKey())
	if err != nil {
		return err
	}
	o = Options{Verifiers: append(o.Verifiers, v), Signer: s, KeysOf: keysForKill, Pins: os.Getenv("TLOG_TEST_PINS")}
	at, err := strconv.ParseInt(os.Getenv("TLOG_TEST_KILL_AT"), 10, 64)
	if err != nil {
		return err
	}
	var n atomic.Int64
	do := func(op func() error) error {
		k := n.Add(1)
		if 2*k == at {
			die()
		}
		err := op()
		if 2*k+1 == at {
			die()
		}
		return err
	}
	l, err := open(context.Background(), os.Getenv("TLOG_TEST_WRITER"), o, disk{
		Create: func(name string, data []byte) error {
			return do(func() error { return durably.Create(name, data) })
		},
		Stage: func(name string, data []byte) (temporary string, err error) {
			err = do(func() error { temporary, err = durably.Stage(name, data); return err })
			return temporary, err
		},
		Replace: func(temporary, name string) error {
			return do(func() error { return durably.Replace(temporary, name) })
		},
		Mkdir:   func(base, dir string) error { return do(func() error { return durably.Mkdir(base, dir) }) },
		SyncDir: func(dir string) error { return do(func() error { return durable.SyncDir(dir) }) },
		Remove:  func(name string) error { return do(func() error { return os.Remove(name) }) },
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 20 {
				record := fmt.Sprintf("%s-%d-%d", os.Getenv("TLOG_TEST_RUN"), g, i)
				r, err := l.Append(context.Background(), []byte(record))
				if err != nil {
					fmt.Println("error", err)
					return
				}
				// One write, so that a line is whole or missing.
				os.Stdout.WriteString("ack " + record + " " + strconv.FormatInt(r.Index, 10) + "\n")
			}
		})
	}
	wg.Wait()
	return l.Close()
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// TestKill kills writers, two at a time on one log. No record that was
// acknowledged is lost, and whoever comes next goes on. TLOG_TEST_KILLS is how
// many are killed; with TLOG_TEST_STRACE set, most of them at some system call,
// by strace.
func TestKill(t *testing.T) {
	kills := 60
	if s := os.Getenv("TLOG_TEST_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, pins := tempDir(t)+"/log", tempDir(t)
	o := options(t, pins)
	o.KeysOf = keysForKill
	newTestLog(t, dir, o).Close()

	acked := map[string]int64{}
	killed := 0
	for run := 0; killed < kills; run++ {
		var out [2]bytes.Buffer
		var wg sync.WaitGroup
		var died [2]bool
		for i := range out {
			// Before and after each change in turn; every fourth run, the
			// parent kills after some acknowledgement, wherever that hits.
			at, after := 2+(2*run+i)%48, -1
			if run%4 == 3 {
				at, after = 0, run%7+i
			}
			cmd := exec.Command(exe)
			if at > 0 && os.Getenv("TLOG_TEST_STRACE") != "" {
				cmd = exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e",
					fmt.Sprintf("inject=%%file,%%desc:signal=KILL:when=%d", 20+(2*run+i)%400), exe)
				at = 0
			}
			cmd.Env = append(os.Environ(), "TLOG_TEST_WRITER="+dir, "TLOG_TEST_PINS="+pins,
				fmt.Sprint("TLOG_TEST_KILL_AT=", at), fmt.Sprintf("TLOG_TEST_RUN=%d.%d", run, i))
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				lines := bufio.NewScanner(pipe)
				for n := 0; lines.Scan(); n++ {
					out[i].WriteString(lines.Text() + "\n")
					if n == after {
						cmd.Process.Kill()
					}
				}
				cmd.Wait()
				died[i] = cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
			})
		}
		wg.Wait()
		for i := range out {
			if died[i] {
				killed++
			}
			for line := range strings.Lines(out[i].String()) {
				var record string
				var index int64
				if _, err := fmt.Sscanf(line, "ack %s %d\n", &record, &index); err != nil {
					t.Fatalf("run %d: %q", run, line)
				}
				acked[record] = index
			}
		}
		if run%8 == 7 || killed >= kills {
			survived(t, dir, o, acked)
		}
	}
	t.Logf("%d killed, %d records acknowledged, all there", killed, len(acked))
}

// survived wants a log without fault, and the acknowledged records in their places.
func survived(t *testing.T, dir string, o Options, acked map[string]int64) {
	t.Helper()
	l := reopen(t, dir, o)
	defer l.Close()
	r, err := l.Verify(t.Context(), VerifyOptions{})
	if err != nil || len(r.Faults) > 0 {
		t.Fatalf("verify: %v, %v", err, r.Faults)
	}
	var records []string
	for e, err := range l.Scan(t.Context(), r.Head.Size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(e.Record))
	}
	for record, index := range acked {
		if index >= int64(len(records)) || records[index] != record {
			t.Fatalf("record %s is not at %d", record, index)
		}
	}
}

// keysForKill takes the whole record for its idempotency key.
func keysForKill(record []byte) (ledger.Keys, error) { return ledger.Keys{ID: string(record)}, nil }
