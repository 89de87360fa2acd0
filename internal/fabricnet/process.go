package fabricnet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// A Process is one program of a network. Its methods are not to be called
// concurrently for one process.
type Process struct {
	Name string
	Log  string // file of what it says

	path string
	env  []string
	args []string

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// starter starts processes from one thread that lives as long as this process:
// the kernel kills a child when the thread that made it ends.
var starter = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// Start starts the process, for the first time or again after Kill or Stop. It
// does not wait until it is ready: see [Network.Ready].
func (p *Process) Start() error {
	if p.Running() {
		return nil
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = filepath.Dir(p.Log)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return nil
}

// Setenv sets a variable (NAME=VALUE) of the environment from the next Start on.
func (p *Process) Setenv(variable string) { p.env = append(p.env, variable) }

// Running reports whether the process was started and has not ended.
func (p *Process) Running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process as a crash does, with all that it started, and returns
// when it is gone.
func (p *Process) Kill() error {
	if p.done == nil {
		return nil
	}
	if !p.Running() {
		p.done = nil
		return nil
	}
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
	p.done = nil
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Suspend stops the process from running until Resume, as a machine that
// hangs does: its connections stay open.
func (p *Process) Suspend() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGSTOP) }

// Resume undoes Suspend.
func (p *Process) Resume() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT) }

// ended says why a process that should run does not.
func (p *Process) ended() error {
	if p.Running() {
		return nil
	}
	if p.done == nil {
		return fmt.Errorf("%s is not started", p.Name)
	}
	return fmt.Errorf("%s has ended: %v\n%s", p.Name, p.err, tail(p.Log))
}

// tail is the last of what a process said.
func tail(file string) string {
	const most = 2000
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
