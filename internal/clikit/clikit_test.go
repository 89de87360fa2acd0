package clikit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestSeparate(t *testing.T) {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}},
		&cli.BoolFlag{Name: "strict"},
	}
	for _, c := range []struct {
		in, flags, args []string
		open            bool
	}{
		{[]string{"DIR", "--format", "json"}, []string{"--format", "json"}, []string{"DIR"}, false},
		{[]string{"DIR", "-f=json", "--strict", "D2"}, []string{"-f=json", "--strict"}, []string{"DIR", "D2"}, false},
		{[]string{"--strict", "DIR"}, []string{"--strict"}, []string{"DIR"}, false},
		{[]string{"--", "--format"}, nil, []string{"--format"}, false},
		{[]string{"-", "--strict"}, []string{"--strict"}, []string{"-"}, false},
		{[]string{"--format"}, []string{"--format"}, nil, true},
		{[]string{"DIR", "--strict", "-f"}, []string{"--strict", "-f"}, []string{"DIR"}, true},
		{nil, nil, nil, false},
	} {
		f, a, open := Separate(flags, c.in)
		if !slices.Equal(f, c.flags) || !slices.Equal(a, c.args) || open != c.open {
			t.Errorf("Separate(%q) = %q, %q, %v; want %q, %q, %v", c.in, f, a, open, c.flags, c.args, c.open)
		}
	}
}

func TestFinish(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		out  string
	}{
		{nil, OK, ""},
		{&Error{Code: Findings}, Findings, ""},
		{Usagef("try --help", "no such %s", "thing"), Usage, "x: error: no such thing\nhint: try --help\n"},
		{fmt.Errorf("wrapped: %w", Usagef("", "bad")), Usage, "x: error: bad\n"},
		{context.Canceled, Interrupted, "x: error: context canceled\n"},
		{errors.New("a\x1b[31mb\nc"), Failed, "x: error: a?[31mb\n  - c\n"},
	} {
		var b bytes.Buffer
		if code := Finish("x", c.err, &b); code != c.code || b.String() != c.out {
			t.Errorf("Finish(%v) = %d, %q; want %d, %q", c.err, code, b.String(), c.code, c.out)
		}
	}
}
