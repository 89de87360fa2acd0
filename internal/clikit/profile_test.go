package clikit

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMainProfiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name   string
		args   []string
		rest   []string
		ran    bool
		code   int
		stderr string
		gzip   []string
	}{
		{"none", []string{"check", "--trace", "x"}, []string{"check", "--trace", "x"}, true, 130, "", nil},
		{"all", []string{"--cpuprofile", file("cpu"), "--memprofile=" + file("mem"), "--trace", file("trace"), "check"}, []string{"check"}, true, 130, "", []string{"cpu", "mem"}},
		{"nothing else", []string{"--memprofile", file("mem2")}, []string{}, true, 130, "", []string{"mem2"}},
		{"no value", []string{"--cpuprofile"}, nil, false, 2, "x: error: --cpuprofile wants a value\n", nil},
		{"empty", []string{"--cpuprofile=", "check"}, nil, false, 2, "x: error: --cpuprofile wants a value\n", nil},
		{"twice", []string{"--trace", file("a"), "--trace", file("b")}, nil, false, 2, "x: error: --trace is given twice\n", nil},
		{"no folder", []string{"--cpuprofile", file("cpu3"), "--trace", file("no/trace")}, nil, false, 2, "x: error: --trace: cannot write", []string{"cpu3"}},
		{"after a failure", []string{"--cpuprofile", file("cpu4")}, []string{}, true, 130, "", []string{"cpu4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			var rest []string
			ran := false
			code := Main("x", c.args, &stderr, func(args []string) int {
				rest, ran = args, true
				return 130
			})
			if code != c.code || ran != c.ran || !slices.Equal(rest, c.rest) || !strings.HasPrefix(stderr.String(), c.stderr) || c.stderr == "" && stderr.Len() > 0 {
				t.Errorf("%d, ran %v with %q, stderr %q; want %d, %v, %q, %q", code, ran, rest, &stderr, c.code, c.ran, c.rest, c.stderr)
			}
			for _, name := range c.gzip {
				if err := gunzip(file(name)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	// trace and cpu profile ended: else a second one could not begin.
	b, err := os.ReadFile(file("trace"))
	if err != nil || !bytes.HasPrefix(b, []byte("go 1.")) {
		t.Errorf("no trace: %d bytes, %v", len(b), err)
	}
}

// TestMainDiskFull: what cannot be written is told, and a run that went well is
// not said to have done all that was asked.
func TestMainDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	var stderr bytes.Buffer
	code := Main("x", []string{"--memprofile", "/dev/full"}, &stderr, func([]string) int { return OK })
	if code != Failed || !strings.HasPrefix(stderr.String(), "x: error: --memprofile: write /dev/full") {
		t.Errorf("%d, %q", code, &stderr)
	}
}

func gunzip(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
