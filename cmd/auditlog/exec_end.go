package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/job"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// beat records a sign of life.
func (x *execution) beat(ctx context.Context, b job.Beat) error {
	// The context ends with the command; a record that was begun is finished.
	d, err := x.draftOf(context.WithoutCancel(ctx), audit.TrainHeartbeat)
	if err != nil {
		return err
	}
	d.p.Process = &audit.Process{
		Argv: slices.Clone(x.argv), PID: b.PID, Started: audit.FormatTime(b.Started),
		UserNS: b.CPU.Nanoseconds(), MaxRSS: b.MaxRSS,
	}
	if b.Suspended {
		d.p.Note = "the command is suspended"
	}
	return x.record(d)
}

// end records how the run ended. What cannot be collected any more is a gap,
// because the end must be recorded; a signal stops the hashing, not the record.
func (x *execution) end(result *job.Result) error {
	event := map[job.Outcome]audit.Event{
		job.Finished: audit.TrainFinished, job.Failed: audit.TrainFailed, job.Aborted: audit.TrainAborted,
	}[result.Outcome]
	ctx, stop := signal.NotifyContext(x.c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := x.draftOf(ctx, event)
	if err != nil {
		return err
	}
	d.p.Gaps = x.gaps
	d.p.Process = x.process(result)
	d.p.Note = noteOf(result)

	x.collectEnd(d, result)
	d.c = x.c // an interrupt stops the hashing, not the record
	err = x.record(d)
	var not *unrecorded
	var overtaken *store.Overtaken
	if err != nil && !errors.As(err, &not) && !errors.As(err, &overtaken) {
		// Something that was collected has no place in a record. How the run
		// ended has.
		x.remark(x.c, "warning: the end of the run is recorded without what was collected: %v", err)
		if d, err = x.bareEnd(d, err); err == nil {
			err = x.record(d)
		}
	}
	if errors.As(err, &not) {
		return x.keep(not)
	}
	return err
}

// bareEnd is the record of an end that says why it says no more.
func (x *execution) bareEnd(d *draft, why error) (*draft, error) {
	bare, err := x.draftOf(x.c.Context, d.p.Event)
	if err != nil {
		return nil, err
	}
	bare.p.Process = d.p.Process
	bare.p.Process.Argv = []string{filepath.Base(x.argv[0])}
	bare.p.Gaps = []audit.Gap{{What: "record", Reason: why.Error()}}
	return bare, nil
}

// keep keeps the record of the end, which the ledger did not take.
func (x *execution) keep(not *unrecorded) error {
	why := fmt.Errorf("the end of run %s was not recorded: %w", x.run, not.err)
	if x.Fabric() != nil && unsure(not.err) {
		why = fmt.Errorf("the ledger has not acknowledged the end of run %s: %w", x.run, not.err)
	}
	return x.keepRecord(fmt.Sprintf("auditlog-%s.json", url.PathEscape(x.run)), not.record, why)
}

// noteOf says what the exit status does not: who asked the command to end, and
// how it went down.
func noteOf(r *job.Result) string {
	var notes []string
	for _, s := range r.Received {
		if text := "received " + unix.SignalName(s); !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	if r.CoreDumped {
		notes = append(notes, "dumped core")
	}
	return strings.Join(notes, "; ")
}

// collectEnd gathers what is there when the command has ended.
func (x *execution) collectEnd(d *draft, result *job.Result) {
	gap := func(what string, err error) {
		d.p.Gaps = append(d.p.Gaps, gapOf(what, err))
		x.remark(x.c, "warning: %s: %v", what, err)
	}
	for _, path := range x.c.StringSlice("output") {
		a, err := d.Artifact(d.c.Context, path)
		if err != nil {
			gap("output "+path, err)
			continue
		}
		d.p.Outputs = append(d.p.Outputs, a)
	}
	if hooks := x.c.StringSlice("hook"); len(hooks) > 0 {
		if err := d.params(nil, hooks, nil); err != nil {
			gap("params", err)
		}
	}
	if err := x.libraries(d, result); err != nil {
		gap("toolchain", err)
	}
	if x.c.Bool("recheck-data") {
		sources, err := d.sources()
		for i := range sources {
			sources[i].Parts = "" // what the shards read was before
		}
		if err == nil {
			err = d.hash(sources)
		}
		if err != nil {
			d.p.Data = nil
			gap("data", err)
		}
	}
}

// gapOf makes a gap of anything: names have no control signs, and an end.
func gapOf(what string, err error) audit.Gap {
	what = printable(strings.ToValidUTF8(what, "?"))
	if len(what) > audit.MaxName {
		what = strings.ToValidUTF8(what[:audit.MaxName-len("…")], "") + "…"
	}
	return audit.Gap{What: what, Reason: err.Error()}
}

// libraries says what the processes really had loaded.
func (x *execution) libraries(d *draft, result *job.Result) error {
	if result.Libraries == nil {
		return nil
	}
	seen, err := result.Libraries.Libraries(d.c.Context)
	if err != nil {
		return err
	}
	if seen == nil {
		seen = []toolchain.Library{} // looked, and there were none
	}
	return d.toolchain(toolchain.Options{
		Argv: x.argv, Libraries: seen, Executable: result.Libraries.Executable(), Digests: x.digests,
	})
}

func (x *execution) process(r *job.Result) *audit.Process {
	p := &audit.Process{
		Argv: slices.Clone(x.argv), PID: r.PID, Ended: audit.FormatTime(r.Ended),
		UserNS: r.User.Nanoseconds(), SysNS: r.System.Nanoseconds(), MaxRSS: r.MaxRSS,
	}
	if !r.Started.IsZero() {
		p.Started = audit.FormatTime(r.Started.Truncate(time.Microsecond))
	}
	if r.Signal != 0 {
		p.Signal = unix.SignalName(r.Signal)
	} else {
		p.Exit = &r.Exit
	}
	return p
}
