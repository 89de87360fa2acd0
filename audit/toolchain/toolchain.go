// Package toolchain captures what a training run ran on: GPU driver, CUDA
// libraries that the process really mapped, toolkit, operating system, Python
// packages, container, source code, job. Nothing is executed but git, nvidia-smi,
// npu-smi and chronyc, each bounded in time and output; Python is never run.
//
// Every fact is a [Field]: a value, where it comes from, and how it is known.
// What could not be found is a field too, with a null value and the reason:
// absence is recorded, not left out. Secrets never enter: of the environment
// only allow-listed names are read, and what is read goes through the redactor.
//
// A report is a set of fields by name. The table in probes.go lists them; one
// more fact is one more line there.
package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/redact"
)

// Method is how a value is known.
type Method string

// The methods.
const (
	Observed Method = "observed" // seen by this process at its source
	Declared Method = "declared" // somebody said so: a flag, a variable
	Cached   Method = "cached"   // seen before; file identity says it did not change
)

// Field is one fact, or the statement that it could not be had: then Value is
// nil and Error says why.
type Field struct {
	Value  any    `json:"value"`
	Source string `json:"source"`
	Method Method `json:"method"`
	Error  string `json:"error,omitempty"`
}

// Report is what was captured, or a summary of that.
type Report struct {
	V      int              `json:"v"` // 1
	Fields map[string]Field `json:"fields"`
	Flags  []Flag           `json:"flags"` // sorted by code
	// Of a summary: what it leaves to the report, and the number of fields that
	// it does not even name.
	Omitted []Omission `json:"omitted,omitempty"`
	Dropped int        `json:"dropped,omitempty"`
}

// Flag is something about the toolchain that a reader should know.
type Flag struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// JSON gives the report in canonical form (RFC 8785), schema
// schemas/toolchain.schema.json.
func (r *Report) JSON() ([]byte, error) { return canonical.Marshal(r) }

// Options says what to look at. The zero value looks at this machine.
type Options struct {
	Root     string            // folder that stands for /; "" is /
	PID      int               // the training process; 0 for none
	Dir      string            // source folder for git, within Root; "" for none
	Env      []string          // NAME=value of the training process, as os.Environ
	Argv     []string          // its command line
	Declared map[string]string // field name to value, for what cannot be observed

	// Libraries are those that a Poller saw; nil reads the maps of PID once.
	// Executable is the interpreter that it saw, for a process that has ended.
	Libraries  []Library
	Executable string
	// Toolkit hashes the CUDA toolkit tree, which takes about 5 s for 1 GB.
	Toolkit bool
	// Drift compares what is installed with what package managers installed:
	// files of Python packages with their RECORD, libraries with dpkg's sums.
	// It reads what is below 16 MiB, which takes seconds.
	Drift bool
	// SiteKey keys the commitments to redacted values and asset identities
	// (GPU UUIDs, hostname); without it these leave nothing. At least 16 bytes.
	SiteKey []byte
	// Timeout bounds each probe; 0 is 10 s. Hashing has 20 times that.
	Timeout time.Duration
	// Run executes a command; nil is the system's if Root is /, else none.
	Run Runner
	// Digests remembers digests of files between captures; may be nil.
	Digests *Digests
}

// env is what a probe sees.
type env struct {
	root    root
	opts    Options
	vars    map[string]string
	redact  *redact.Redactor
	digests *Digests
	// These look once, however many probes ask.
	libraries func() ([]Library, error)
	packages  func() (located[Packages], error)
}

// located is a value with where it stood.
type located[T any] struct {
	value T
	from  string
}

// Capture runs every probe. An error means that nothing could be captured at
// all: options are wrong or ctx ended. What a probe could not find is a field.
func Capture(ctx context.Context, opts Options) (*Report, error) {
	// What a probe left running when its time was over ends with the capture.
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := redact.New(opts.SiteKey)
	if err != nil {
		return nil, err
	}
	if opts.Root == "" {
		opts.Root = "/"
	}
	if opts.Run == nil && opts.Root == "/" {
		opts.Run = run
	}
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	e := &env{root: root(opts.Root), opts: opts, vars: environment(opts.Env), redact: r, digests: opts.Digests}
	if e.digests == nil {
		e.digests = &Digests{}
	}
	e.libraries = sync.OnceValues(func() ([]Library, error) { return e.lookAtLibraries(ctx) })
	e.packages = sync.OnceValues(func() (located[Packages], error) { return e.lookAtPackages(ctx) })
	probes := table()
	fields := make([]Field, len(probes))
	var g errgroup.Group
	g.SetLimit(4)
	for i, p := range probes {
		g.Go(func() error {
			fields[i] = p.capture(ctx, e)
			return nil
		})
	}
	g.Wait()
	if err := caller.Err(); err != nil {
		return nil, err
	}
	report := &Report{V: 1, Fields: map[string]Field{}, Flags: []Flag{}}
	for i, p := range probes {
		report.Fields[p.name] = fields[i]
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Declared)) {
		if f, ok := report.Fields[name]; ok && f.Value != nil {
			report.Flags = append(report.Flags, Flag{"declared-ignored", fmt.Sprintf("%s was observed; what was declared is not used", name)})
			continue
		}
		value, _ := r.Value(name, opts.Declared[name])
		report.Fields[name] = Field{Value: value, Source: "declared", Method: Declared}
	}
	report.Flags = append(report.Flags, flags(report)...)
	slices.SortStableFunc(report.Flags, func(a, b Flag) int { return strings.Compare(a.Code, b.Code) })
	return report, nil
}

// A source gives a value and where it stood. errAbsent lets the next source try.
type source func(ctx context.Context, e *env) (value any, from string, err error)

// probe is one field: its name, what it means, and sources in order of trust.
type probe struct {
	name    string
	summary string
	slow    bool // hashes files: has more time
	sources []source
}

var errAbsent = errors.New("not found")

// reused is a value that rests on digests which were not computed anew.
type reused struct{ value any }

// seen marks a value by how its digests were had.
func seen(value any, m Method) any {
	if m == Cached {
		return reused{value}
	}
	return value
}

// capture asks the sources in turn. A source that failed otherwise than by
// absence is remembered: if no other knows better, its error is the answer.
func (p probe) capture(ctx context.Context, e *env) Field {
	limit := e.opts.Timeout
	if p.slow {
		limit *= 20
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := Field{Method: Observed, Error: errAbsent.Error()}
	for _, s := range p.sources {
		value, from, err := bounded(ctx, e, s)
		switch {
		case err == nil:
			if r, ok := value.(reused); ok {
				return Field{Value: r.value, Source: from, Method: Cached}
			}
			return Field{Value: value, Source: from, Method: Observed}
		case f.Source == "" || !errors.Is(err, errAbsent) && !errors.Is(err, fs.ErrNotExist):
			f.Source = from
			f.Error, _ = e.redact.Text(message(err))
		}
	}
	return f
}

func message(err error) string {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errAbsent) {
		return errAbsent.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "gave no answer in time"
	}
	return err.Error()
}

// bounded runs a source so that neither a panic nor a file system that hangs
// takes the capture with it.
func bounded(ctx context.Context, e *env, s source) (any, string, error) {
	type result struct {
		value any
		from  string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{from: r.from, err: fmt.Errorf("probe failed: %v", p)}
			}
			done <- r
		}()
		r.value, r.from, r.err = s(ctx, e)
		if r.err == nil {
			// Whatever a probe gives must be fit for a record.
			v := r.value
			if m, ok := v.(reused); ok {
				v = m.value
			}
			if _, err := canonical.Marshal(v); err != nil {
				r.value, r.err = nil, fmt.Errorf("value cannot be recorded: %w", err)
			}
		}
	}()
	select {
	case r := <-done:
		return r.value, r.from, r.err
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

// Fields lists the names of all fields with what they mean, in order.
func Fields() []struct{ Name, Summary string } {
	probes := table()
	out := make([]struct{ Name, Summary string }, len(probes))
	for i, p := range probes {
		out[i].Name, out[i].Summary = p.name, p.summary
	}
	return out
}

// text gives a field's value if it is a string.
func (r *Report) text(name string) string {
	s, _ := r.Fields[name].Value.(string)
	return s
}

// Decode gives a field's value in the shape of what v points at, as it is
// written in JSON. It is false if the field has no value, or one of another
// shape. A nil report has no fields.
func (r *Report) Decode(name string, v any) bool {
	if r == nil || r.Fields[name].Value == nil {
		return false
	}
	b, err := json.Marshal(r.Fields[name].Value)
	return err == nil && json.Unmarshal(b, v) == nil
}
