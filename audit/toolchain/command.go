package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Command is a program that a probe runs.
type Command struct {
	Name string
	Args []string
	Dir  string
	Env  []string // in addition to a bare environment
}

// Runner runs a command and writes its output to w.
type Runner func(ctx context.Context, c Command, w io.Writer) error

// run is the Runner of the system. The environment of the caller, with its
// secrets and surprises, does not reach the command.
func run(ctx context.Context, c Command, w io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LC_ALL=C"}, c.Env...)
	var said beginning
	cmd.Stdout, cmd.Stderr = w, &said
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var notFound *exec.Error
	if errors.As(err, &notFound) {
		return errAbsent
	}
	if why, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n"); err != nil && why != "" {
		return fmt.Errorf("%w: %s", err, strings.ToValidUTF8(why, "\uFFFD"))
	}
	return err
}

// beginning keeps the first bytes of what a command complains about.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), 300-len(*b))]...)
	return len(p), nil
}

// limited keeps the first bytes of an output and fails on more.
type limited struct{ data []byte }

func (l *limited) Write(p []byte) (int, error) {
	if len(l.data)+len(p) > maxFile {
		return 0, errors.New("output is too long")
	}
	l.data = append(l.data, p...)
	return len(p), nil
}

// output runs a command and gives what it printed.
func (e *env) output(ctx context.Context, c Command) ([]byte, error) {
	if e.opts.Run == nil {
		return nil, errAbsent
	}
	var out limited
	if err := e.opts.Run(ctx, c, &out); err != nil {
		return nil, err
	}
	return out.data, nil
}

// command makes a source of a command and a parser.
func command(parse func([]byte) (any, error), name string, args ...string) source {
	return func(ctx context.Context, e *env) (any, string, error) {
		data, err := e.output(ctx, Command{Name: name, Args: args})
		if err != nil {
			return nil, name, err
		}
		v, err := parse(data)
		return v, name, err
	}
}
