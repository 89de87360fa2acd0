package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

type lineKey struct{}

// A line is what connects clients with peers until it is cut.
type line struct {
	to  map[string]string // address to listen on, and where that leads
	dir string            // of the script

	mu     sync.Mutex // guards what follows
	open   []io.Closer
	closed bool
}

// cutProfile leads the peers of a profile over a line.
func cutProfile(profile string, n *fabricnet.Network) (string, *line, error) {
	l := &line{to: map[string]string{}}
	for _, o := range n.Orgs {
		// Not just any port: while the line is cut nobody else may have it.
		at := fmt.Sprint("127.0.0.1:", n.Port())
		l.to[at] = o.Peer.Address
		profile = strings.ReplaceAll(profile, o.Peer.Address, at)
	}
	return profile, l, l.each(l.serve)
}

// keep keeps what is to be closed by cut, and reports whether it was too late.
func (l *line) keep(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return false
	}
	l.open = append(l.open, c)
	return true
}

func (l *line) serve(from net.Listener, to string) {
	l.keep(from)
	go func() {
		for {
			a, err := from.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			if l.keep(a) && l.keep(b) {
				go func() { io.Copy(a, b); a.Close() }()
				go func() { io.Copy(b, a); b.Close() }()
			}
		}
	}()
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

// each serves all addresses, after a cut.
func (l *line) each(serve func(from net.Listener, to string)) error {
	l.mu.Lock()
	l.closed = false
	l.mu.Unlock()
	for at, to := range l.to {
		from, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		serve(from, to)
	}
	return nil
}

// hang takes calls and does not answer.
func (l *line) hang(from net.Listener, _ string) {
	l.keep(from)
	go func() {
		for {
			a, err := from.Accept()
			if err != nil || !l.keep(a) {
				return
			}
			os.WriteFile(filepath.Join(l.dir, "called"), nil, 0o644)
		}
	}()
}

func network(ts *testscript.TestScript, neg bool, args []string) {
	l := ts.Value(lineKey{}).(*line)
	switch strings.Join(args, " ") {
	case "cut":
		l.cut()
	case "hang":
		l.cut()
		ts.Check(l.each(l.hang))
	case "mend":
		l.cut()
		ts.Check(l.each(l.serve))
	default:
		ts.Fatalf("usage: network cut|hang|mend")
	}
}

// await waits for a file that another process of the script makes.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if found, err := filepath.Glob(ts.MkAbs(args[0])); err != nil || len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not come", args[0])
}
