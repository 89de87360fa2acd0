// Package job runs a training command and watches it: what the wrapper
// auditlog exec does, without knowing about records.
//
// The command must not notice. It stands in the process group of the caller,
// has its files, and gets each signal that was meant for it once; the caller
// learns its exit status, its use of the machine, and the shared libraries that
// it and its descendants mapped. Signals are described at [Run], looking at
// libraries at [Options].
//
// If the caller is killed by SIGKILL the command goes on, unwatched: nothing can
// be done then. Descendants that outlive the command are left alone, as they
// would be without the wrapper; they are neither waited for nor adopted.
package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// Options says what to run and how to watch it.
type Options struct {
	Argv []string // the command and its arguments
	Dir  string   // working folder; "" is the caller's
	Env  []string // NAME=value; nil is the caller's

	// An *os.File is inherited; others are copied through pipes. Nil is the
	// null device. Copying ends two seconds after the command at the latest:
	// a descendant may hold the pipe.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// OnStart is called when the command has started, OnHeartbeat then every
	// Heartbeat; 0 is never. Both run beside the command and never delay it;
	// a beat that is due while another runs is left out. Their context ends
	// with the command, and Run waits for them to return.
	OnStart     func(context.Context, Process)
	Heartbeat   time.Duration
	OnHeartbeat func(context.Context, Beat)

	// PollLibraries is the longest time between two looks at what the
	// processes have mapped; 0 is 30 s, less is never. Looks are dense first:
	// the next comes when the command is 1/16 older, at least 10 ms. So a
	// library is seen if it stays mapped for a sixteenth of the command's age.
	// Each is hashed when first seen: it may be replaced before the end.
	// Linux only; elsewhere nothing is seen.
	PollLibraries time.Duration
	// Digests are shared with other captures; may be nil.
	Digests *toolchain.Digests

	// Grace is how long the command has to end after ctx did, before it is
	// killed; 0 is for ever.
	Grace time.Duration
}

// Process is the command while it runs.
type Process struct {
	PID       int
	Started   time.Time
	Libraries *toolchain.Poller // nil if not looked at
}

// Beat is what a heartbeat says.
type Beat struct {
	Process
	Number    int // from 1
	Elapsed   time.Duration
	Suspended bool // by SIGTSTP or SIGSTOP
	// Of the command and its descendants, reaped ones included; 0 where the
	// system does not tell.
	Processes int           // alive
	CPU       time.Duration // user and system
	MaxRSS    int64         // of the largest process so far, in bytes
}

// Outcome is how a command ended.
type Outcome string

// The outcomes.
const (
	Finished Outcome = "finished" // exit status 0
	Failed   Outcome = "failed"   // another status, or a signal
	// Aborted is a command that did not exit with 0, after SIGINT, SIGTERM or
	// SIGHUP came, or the context ended.
	Aborted Outcome = "aborted"
)

// Result is how a command ended.
type Result struct {
	Process
	Ended      time.Time
	Outcome    Outcome
	Exit       int              // exit status; -1 if a signal ended it
	Signal     syscall.Signal   // that ended it, or 0
	CoreDumped bool             // by that signal
	Received   []syscall.Signal // by the caller while the command ran, in order; at most 1,000
	// Of the command and the descendants that were waited for.
	User, System time.Duration
	MaxRSS       int64 // of the largest process, in bytes
}

// Code is the status with which to exit, as shells have it: the command's, or
// 128 and the number of the signal.
func (r *Result) Code() int {
	if r.Signal != 0 {
		return 128 + int(r.Signal)
	}
	return r.Exit
}

// maxReceived bounds Result.Received.
const maxReceived = 1000

// Run runs the command to its end. An error means that it was not started, of
// type *[StartError] if the command is to blame; how it ended is the result.
//
// While it runs, the signals of this process belong to the command. SIGTERM,
// SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU and SIGCONT are passed on to it,
// to it alone and not to its group. So are SIGINT, SIGQUIT and SIGTSTP unless
// this process is in the foreground of its terminal: there they come from the
// keyboard, and the terminal has sent them to the command too. When a command
// is suspended by SIGTSTP, SIGTTIN or SIGTTOU that this process got as well,
// this process suspends itself, so that job control of a shell works. A signal
// that was ignored at start stays ignored by both (nohup).
//
// When ctx ends the command gets SIGTERM. Do not give a context that ends with
// one of these signals, as of signal.NotifyContext: the command would get two.
// Only one Run at a time may be active in a process.
func Run(ctx context.Context, opts Options) (*Result, error) {
	if len(opts.Argv) == 0 {
		return nil, errors.New("no command")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := Find(opts.Argv[0], opts.Dir, opts.Env)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: path, Args: opts.Argv, Dir: opts.Dir, Env: opts.Env,
		Stdin: opts.Stdin, Stdout: opts.Stdout, Stderr: opts.Stderr,
		WaitDelay: 2 * time.Second,
	}
	// Before the start: a signal that comes now is passed on afterwards.
	signals, stop := receive()
	defer stop()
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, startError(opts.Argv[0], err)
	}
	w := &watch{
		proc: Process{PID: cmd.Process.Pid, Started: started}, opts: opts,
		send: func(s syscall.Signal) { _ = cmd.Process.Signal(s) }, // it may just have ended
	}
	if opts.PollLibraries >= 0 {
		w.proc.Libraries = toolchain.NewPoller("", w.proc.PID, opts.Digests)
	}
	beside, end := context.WithCancel(ctx)
	defer end()
	var hooks sync.WaitGroup
	w.start(beside, &hooks)
	last := w.follow(ctx, signals)
	ended := time.Now()
	end()
	hooks.Wait()
	// The command was waited for above, which this call cannot know: it is here
	// for the copying and its descriptors, and finds no child.
	_ = cmd.Wait()
	if last.err != nil {
		return nil, fmt.Errorf("waiting for %q: %w", opts.Argv[0], last.err)
	}
	r := &Result{
		Process: w.proc, Ended: ended, Outcome: Finished, Exit: -1, Received: w.received,
		User: time.Duration(last.usage.Utime.Nano()), System: time.Duration(last.usage.Stime.Nano()),
		MaxRSS: maxRSS(&last.usage),
	}
	if last.status.Signaled() {
		r.Signal, r.CoreDumped = last.status.Signal(), last.status.CoreDump()
	} else {
		r.Exit = last.status.ExitStatus()
	}
	switch {
	case r.Code() == 0:
	case w.asked || ends(r.Signal):
		r.Outcome = Aborted
	default:
		r.Outcome = Failed
	}
	return r, nil
}

// ends reports whether a signal is one by which people and schedulers end a job.
func ends(s syscall.Signal) bool {
	return s == syscall.SIGINT || s == syscall.SIGTERM || s == syscall.SIGHUP
}
