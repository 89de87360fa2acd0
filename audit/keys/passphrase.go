package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxPassphrase is what openssl reads at most, in bytes.
const maxPassphrase = 1024

// A PassphraseSource says where a passphrase comes from: "file:PATH", "fd:N"
// (0 is stdin), "env:NAME", or "prompt", which asks on the terminal. There is
// none that holds the passphrase itself: arguments can be seen by everybody.
type PassphraseSource struct {
	kind, place string
	fd          int
}

// ParsePassphraseSource reads a source, without opening it.
func ParsePassphraseSource(s string) (PassphraseSource, error) {
	kind, place, _ := strings.Cut(s, ":")
	src := PassphraseSource{kind: kind, place: place}
	switch {
	case s == "prompt":
		return src, nil
	case (kind == "file" || kind == "env") && place != "":
		return src, nil
	case kind == "fd":
		n, err := strconv.ParseUint(place, 10, 16)
		if err != nil {
			return PassphraseSource{}, fmt.Errorf("passphrase from %q: no number of a file descriptor", s)
		}
		src.fd = int(n)
		return src, nil
	}
	// Not quoted: it may be the passphrase.
	return PassphraseSource{}, errors.New("a passphrase comes from file:PATH, fd:N, env:NAME or prompt, and is never given itself")
}

func (s PassphraseSource) String() string {
	if s.kind == "prompt" {
		return s.kind
	}
	return s.kind + ":" + s.place
}

// Read gets the passphrase: one line, of which one newline at the end is taken
// off, of 1 to 1024 bytes. A descriptor is read to its end. The prompt asks for
// the passphrase of what, and ends when ctx does.
func (s PassphraseSource) Read(ctx context.Context, what string) ([]byte, error) {
	var p []byte
	var err error
	switch s.kind {
	case "file":
		var f *os.File
		if f, err = os.Open(s.place); err == nil {
			defer f.Close()
			p, err = readAll(f)
		}
	case "fd":
		f := os.Stdin // which stays open
		if s.fd != 0 {
			f = os.NewFile(uintptr(s.fd), "descriptor "+s.place)
			defer f.Close()
		}
		p, err = readAll(f)
	case "env":
		value, ok := os.LookupEnv(s.place)
		if !ok {
			return nil, fmt.Errorf("passphrase from %s: the variable is not set", s)
		}
		p = []byte(value)
	case "prompt":
		p, err = prompt(ctx, "Passphrase of "+what+": ")
	default:
		return nil, errors.New("no source of a passphrase was given")
	}
	if err == nil {
		p = bytes.TrimSuffix(p, []byte("\n"))
		err = checkPassphrase(p)
	}
	if err != nil {
		return nil, fmt.Errorf("passphrase from %s: %w", s, err)
	}
	return p, nil
}

// ReadNew is Read for a key that is made: the prompt asks twice.
func (s PassphraseSource) ReadNew(ctx context.Context, what string) ([]byte, error) {
	p, err := s.Read(ctx, what)
	if err != nil || s.kind != "prompt" {
		return p, err
	}
	again, err := prompt(ctx, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(p, again) {
		return nil, errors.New("the two passphrases differ")
	}
	return p, nil
}

// Exposed gives the mode of the file of a "file:" source if others than its
// owner, this user, have any access to it, for the caller to warn about.
func (s PassphraseSource) Exposed() (mode os.FileMode, ok bool) {
	if s.kind != "file" {
		return 0, false
	}
	info, err := os.Stat(s.place)
	if err != nil || !exposed(info) {
		return 0, false
	}
	return info.Mode().Perm(), true
}

// readAll reads more than a passphrase may have, but not much more.
func readAll(f *os.File) ([]byte, error) { return io.ReadAll(io.LimitReader(f, maxPassphrase+2)) }

// checkPassphrase refuses what openssl would read in another way from a file,
// or could not read at all.
func checkPassphrase(p []byte) error {
	switch {
	case len(p) == 0:
		return errors.New("it is empty")
	case len(p) > maxPassphrase:
		return fmt.Errorf("it has more than %d bytes", maxPassphrase)
	case bytes.ContainsAny(p, "\r\n\x00"):
		return errors.New("it must be one line, ended by a newline alone")
	}
	return nil
}
