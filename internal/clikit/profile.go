package clikit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
)

// Main runs a command, and writes what the hidden flags at the beginning of its
// words ask for, whatever becomes of it: --cpuprofile FILE, --memprofile FILE
// (all allocations) for `go tool pprof`, --trace FILE for `go tool trace`. Run
// gets the words after them, and gives the exit status.
func Main(name string, args []string, stderr io.Writer, run func(args []string) int) int {
	profiles, args, err := takeProfiles(args)
	if err == nil {
		err = profiles.start()
	}
	if err != nil {
		return Finish(name, err, stderr)
	}
	code := run(args)
	return cmp.Or(code, Finish(name, profiles.stop(), stderr))
}

// A profile is one that a run makes of itself.
type profile struct {
	flag string
	file string
	f    *os.File
}

// profiles has one of each kind at most.
type profiles []*profile

var profileFlags = []string{"--cpuprofile", "--memprofile", "--trace"}

// takeProfiles takes the flags off the beginning of words. After the first other
// word these are flags like any other: what stands behind `exec --` is of
// another program.
func takeProfiles(args []string) (ps profiles, rest []string, err error) {
	for len(args) > 0 {
		flag, file, inline := strings.Cut(args[0], "=")
		if !slices.Contains(profileFlags, flag) {
			break
		}
		args = args[1:]
		if !inline && len(args) > 0 {
			file, args = args[0], args[1:]
		}
		if file == "" {
			return nil, nil, Usagef("give the file to be written", "%s wants a value", flag)
		}
		if slices.ContainsFunc(ps, func(p *profile) bool { return p.flag == flag }) {
			return nil, nil, Usagef("", "%s is given twice", flag)
		}
		ps = append(ps, &profile{flag: flag, file: file})
	}
	return ps, args, nil
}

// start makes the files, before any work, and begins to gather.
func (ps profiles) start() (err error) {
	for _, p := range ps {
		if p.f, err = os.Create(p.file); err == nil {
			switch p.flag {
			case "--cpuprofile":
				err = pprof.StartCPUProfile(p.f)
			case "--trace":
				err = trace.Start(p.f)
			}
		}
		if err != nil {
			var at *fs.PathError
			if errors.As(err, &at) {
				err = at.Err
			}
			err = Usagef("give a file that can be written", "%s: cannot write %q: %w", p.flag, p.file, err)
			return errors.Join(err, ps.stop())
		}
	}
	return nil
}

// stop writes what was gathered.
func (ps profiles) stop() error {
	var errs []error
	for _, p := range ps {
		if p.f == nil {
			continue
		}
		var err error
		switch p.flag {
		case "--cpuprofile":
			pprof.StopCPUProfile()
		case "--trace":
			trace.Stop()
		case "--memprofile":
			runtime.GC() // what was freed counts from the next collection on
			err = pprof.Lookup("allocs").WriteTo(p.f, 0)
		}
		if err = errors.Join(err, p.f.Close()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.flag, err))
		}
	}
	return errors.Join(errs...)
}
