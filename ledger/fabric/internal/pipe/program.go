package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Program is a client in a process of its own, which is started when it is
// needed, and again when it has ended. Its methods may be called concurrently.
//
// All errors are an *Error, or that of a context. While the process is away,
// questions are answered with Unavailable.
type Program struct {
	path  string
	hello Hello

	mu     sync.Mutex    // guards what follows
	now    *process      // nil before the first
	rest   time.Duration // between one that ended and the next
	closed bool
}

// What has just ended is not started again at once.
const (
	shortRest = 50 * time.Millisecond
	longRest  = 3 * time.Second
)

// NewProgram names a program, and what to tell it. Its version is set.
func NewProgram(path string, hello Hello) *Program {
	hello.Version = Version
	return &Program{path: path, hello: hello}
}

// Ask asks a question. Each is called with blocks that come before the last
// answer, for as long as it returns true; only Blocks has any.
func (p *Program) Ask(ctx context.Context, q Question, each func([]byte) bool) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	r, err := p.process()
	if err != nil {
		return Answer{}, err
	}
	return r.ask(ctx, q, each)
}

// Close ends the process. Questions that are under way end with Unavailable.
func (p *Program) Close() error {
	p.mu.Lock()
	p.closed = true
	r := p.now
	p.mu.Unlock()
	if r != nil {
		r.stop()
	}
	return nil
}

// process gives the process that runs, or starts one.
func (p *Program) process() (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, &Error{Kind: Unavailable, Message: p.path + " was closed"}
	}
	if p.now != nil {
		select {
		case <-p.now.ended:
		default:
			return p.now, nil
		}
		if p.now.died.Sub(p.now.began) > longRest {
			p.rest = shortRest
		}
		if time.Since(p.now.died) < p.rest {
			return nil, p.now.err
		}
		p.rest = min(2*p.rest, longRest)
	} else {
		p.rest = shortRest
	}
	r, err := start(p.path, p.hello)
	if err != nil {
		return nil, &Error{Kind: Final, Message: err.Error()}
	}
	p.now = r
	return r, nil
}

// A process is one run of a program.
type process struct {
	path  string
	began time.Time
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   chan Question // to the goroutine that writes
	said  tail          // on stderr

	mu    sync.Mutex // guards calls and last
	calls map[uint64]*call
	last  uint64

	ended chan struct{}
	died  time.Time // when, once ended is closed
	err   *Error    // and why
}

// call is a question that waits for answers.
type call struct{ answers chan Answer }

func start(path string, hello Hello) (*process, error) {
	r := &process{
		path: path, began: time.Now(), cmd: exec.Command(path),
		out: make(chan Question), calls: map[uint64]*call{}, ended: make(chan struct{}),
	}
	r.cmd.Stderr = &r.said
	r.cmd.WaitDelay = time.Second // for stderr, if somebody else has it too
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		w := &writer{w: r.stdin}
		q := Question{Do: SayHello, Hello: &hello}
		for {
			err := w.write(q)
			var long *Error
			if errors.As(err, &long) {
				r.deliver(Answer{ID: q.ID, Error: long})
			} else if err != nil {
				return // it has ended, or was stopped
			}
			select {
			case q = <-r.out:
			case <-r.ended:
				return
			}
		}
	}()
	go r.listen(newReader(stdout))
	return r, nil
}

// listen takes answers until the process ends, or says what it must not.
func (r *process) listen(in reader) {
	var hello Answer
	err := in.read(&hello)
	greeted := err == nil && hello.Version == Version && hello.ID == 0 && hello.Error == nil
	why := &Error{Kind: Unavailable}
	switch {
	case greeted:
		for err == nil {
			var a Answer
			if err = in.read(&a); err == nil {
				err = r.deliver(a)
			}
		}
		if err != io.EOF {
			why.Message = err.Error()
		}
	case err == nil && hello.Error != nil:
		why = hello.Error
	case err == nil:
		why = &Error{Kind: Final, Message: fmt.Sprintf("it speaks version %d of the protocol, not %d: install programs of one release", hello.Version, Version)}
	case errors.Is(err, errProtocol):
		why = &Error{Kind: Final, Message: fmt.Sprintf("it is no client of Fabric of version %d: %v", Version, err)}
	}
	r.stdin.Close()
	// One that ends well has ended; another one is not waited for.
	if err != io.EOF {
		r.cmd.Process.Kill()
	}
	exit := r.cmd.Wait()
	if why.Message == "" {
		why.Message = "it ended"
		if exit != nil {
			why.Message = exit.Error()
		}
		if !greeted && r.cmd.ProcessState.Exited() {
			why.Kind = Final // of its own will, before it did anything
		}
	}
	if said := r.said.String(); said != "" {
		why.Message += ": " + said
	}
	why.Message = r.path + ": " + why.Message
	r.err, r.died = why, time.Now()
	close(r.ended)
}

// deliver gives an answer to who waits for it.
func (r *process) deliver(a Answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.calls[a.ID]
	if !ok {
		return nil // was cancelled
	}
	if a.Block == nil {
		delete(r.calls, a.ID)
	}
	select {
	case c.answers <- a:
		return nil
	default:
		return fmt.Errorf("%w: more than %d blocks at once", errProtocol, Window)
	}
}

func (r *process) ask(ctx context.Context, q Question, each func([]byte) bool) (Answer, error) {
	c := &call{make(chan Answer, Window+1)}
	r.mu.Lock()
	r.last++
	q.ID = r.last
	r.calls[q.ID] = c
	r.mu.Unlock()
	if err := r.send(ctx, q); err != nil {
		r.forget(q.ID)
		return Answer{}, err
	}
	for {
		select {
		case a := <-c.answers:
			switch {
			case a.Error != nil:
				return a, a.Error
			case a.Block == nil:
				return a, nil
			case each == nil || !each(a.Block):
				r.cancel(q.ID)
				return Answer{}, nil
			}
			if err := r.send(ctx, Question{ID: q.ID, Do: More}); err != nil {
				r.cancel(q.ID)
				return Answer{}, err
			}
		case <-ctx.Done():
			r.cancel(q.ID)
			return Answer{}, ctx.Err()
		case <-r.ended:
			select {
			case a := <-c.answers: // had come before the end
				c.answers <- a
			default:
				return Answer{}, r.err
			}
		}
	}
}

// send gives a question to the process.
func (r *process) send(ctx context.Context, q Question) error {
	select {
	case r.out <- q:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return r.err
	}
}

// cancel ends a question of which nobody wants to know more.
func (r *process) cancel(id uint64) {
	r.forget(id)
	go func() {
		select {
		case r.out <- Question{ID: id, Do: Cancel}:
		case <-r.ended:
		}
	}()
}

func (r *process) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, id)
}

// stop ends the process, kindly first.
func (r *process) stop() {
	const patience = 3 * time.Second
	r.stdin.Close()
	select {
	case <-r.ended:
		return
	case <-time.After(patience):
	}
	r.cmd.Process.Kill()
	<-r.ended
}

// A tail is the last of what was written to it.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const most = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
