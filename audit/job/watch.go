package job

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// watch follows one command. Only follow's goroutine writes to it, and
// suspended is for the others.
type watch struct {
	proc     Process
	opts     Options
	send     func(syscall.Signal)
	received []syscall.Signal
	asked    bool // to end
	stopping bool // this process got a signal that suspends, and has not obeyed

	mu        sync.Mutex // guards suspended
	suspended bool
}

// passed are the signals that Run takes. SIGPIPE is among them so that writing
// to a pipe without a reader gives this process an error, not its end.
var passed = []os.Signal{
	syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	syscall.SIGXCPU, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE,
}

// receive takes the signals that are not ignored. Taking an ignored one would
// also make the command stop ignoring it.
func receive() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 64)
	for _, s := range passed {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	return c, func() { signal.Stop(c) }
}

// change is what happened to the command.
type change struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
	err    error
}

// changes waits for the command, and tells also when it is suspended or goes
// on, which os.Process cannot.
func changes(pid int) <-chan change {
	out := make(chan change)
	go func() {
		for {
			var c change
			_, c.err = syscall.Wait4(pid, &c.status, syscall.WUNTRACED|syscall.WCONTINUED, &c.usage)
			if c.err == syscall.EINTR {
				continue
			}
			out <- c
			if c.over() {
				return
			}
		}
	}()
	return out
}

func (c change) over() bool { return c.err != nil || c.status.Exited() || c.status.Signaled() }

// follow passes signals on until the command ends.
func (w *watch) follow(ctx context.Context, signals <-chan os.Signal) change {
	changed := changes(w.proc.PID)
	ended := ctx.Done()
	var kill <-chan time.Time
	for {
		select {
		case s := <-signals:
			w.signal(s.(syscall.Signal))
		case c := <-changed:
			if c.over() {
				return c
			}
			w.setSuspended(c.status.Stopped())
			w.suspend()
		case <-ended:
			ended, w.asked = nil, true
			w.send(syscall.SIGTERM)
			w.send(syscall.SIGCONT) // a suspended one cannot end
			if w.opts.Grace > 0 {
				t := time.NewTimer(w.opts.Grace)
				defer t.Stop()
				kill = t.C
			}
		case <-kill:
			w.send(syscall.SIGKILL)
		}
	}
}

func (w *watch) signal(s syscall.Signal) {
	if s == syscall.SIGPIPE {
		return
	}
	if len(w.received) < maxReceived {
		w.received = append(w.received, s)
	}
	w.asked = w.asked || ends(s)
	switch s {
	case syscall.SIGINT, syscall.SIGQUIT:
		if !fromTerminal(w.proc.PID) {
			w.send(s)
		}
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		// The terminal sends the latter two to whole groups.
		if s == syscall.SIGTSTP && !fromTerminal(w.proc.PID) {
			w.send(s)
		}
		w.stopping = true
		w.suspend()
	case syscall.SIGCONT:
		w.stopping = false
		w.send(s)
	default:
		w.send(s)
	}
}

// suspend suspends this process if the command is, and both were meant.
func (w *watch) suspend() {
	if w.stopping && w.isSuspended() {
		w.stopping = false
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	}
}

func (w *watch) setSuspended(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspended = is
}

func (w *watch) isSuspended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.suspended
}

// fromTerminal reports whether a signal of the keyboard has reached the command
// too: this process is in the foreground of its terminal, and the command in
// its group. Who sent a signal Go does not tell.
func fromTerminal(pid int) bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	conn, err := tty.SyscallConn()
	if err != nil {
		return false
	}
	group := -1
	_ = conn.Control(func(fd uintptr) {
		if g, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); err == nil {
			group = g
		}
	})
	theirs, err := syscall.Getpgid(pid)
	return err == nil && group == syscall.Getpgrp() && theirs == group
}

// start begins what runs beside the command.
func (w *watch) start(ctx context.Context, g *sync.WaitGroup) {
	if w.opts.OnStart != nil {
		g.Go(func() { w.opts.OnStart(ctx, w.proc) })
	}
	if w.opts.Heartbeat > 0 && w.opts.OnHeartbeat != nil {
		g.Go(func() { w.beats(ctx) })
	}
	if w.proc.Libraries != nil {
		seen := make(chan struct{}, 1)
		g.Go(func() { w.look(ctx, seen) })
		g.Go(func() { w.hash(ctx, seen) })
	}
}

func (w *watch) beats(ctx context.Context) {
	t := time.NewTicker(w.opts.Heartbeat) // drops ticks that nobody takes
	defer t.Stop()
	largest := int64(0)
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if ctx.Err() != nil {
			return // both were ready
		}
		u := usage(toolchain.Descendants(w.proc.PID))
		largest = max(largest, u.largest)
		w.opts.OnHeartbeat(ctx, Beat{
			Process: w.proc, Number: n, Elapsed: time.Since(w.proc.Started), Suspended: w.isSuspended(),
			Processes: u.alive, CPU: u.cpu, MaxRSS: largest,
		})
	}
}

const (
	firstGap   = 10 * time.Millisecond
	longestGap = 30 * time.Second
	denser     = 16 // a gap is the command's age by this
)

// gap is the time from one look to the next.
func gap(age, longest time.Duration) time.Duration {
	if longest == 0 {
		longest = longestGap
	}
	return min(max(age/denser, firstGap), longest)
}

// look looks at the maps now and then.
func (w *watch) look(ctx context.Context, seen chan<- struct{}) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		// The maps of a process that just ended cannot be read; what was seen stays.
		_ = w.proc.Libraries.Scan()
		select {
		case seen <- struct{}{}:
		default:
		}
		t.Reset(gap(time.Since(w.proc.Started), w.opts.PollLibraries))
	}
}

// hash hashes what was seen, apart from looking, which must not wait.
func (w *watch) hash(ctx context.Context, seen <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-seen:
			// What it could not hash, Libraries tries again and reports.
			_, _ = w.proc.Libraries.Libraries(ctx)
		}
	}
}
