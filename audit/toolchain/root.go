package toolchain

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// maxFile bounds what a probe reads of a file.
const maxFile = 4 << 20

// root is the folder that stands for /. Links are followed within it, so that a
// tree copied from another machine reads like the machine itself.
type root string

// resolve gives the path within the root, links followed, and the real one.
func (r root) resolve(name string) (inside, outside string, err error) {
	rest := strings.Split(path.Clean("/"+name), "/")[1:]
	inside = "/"
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			inside = path.Dir(inside)
			continue
		}
		next := path.Join(inside, part)
		target, err := os.Readlink(r.at(next))
		if err != nil {
			inside = next
			continue
		}
		if links++; links > 40 {
			return "", "", fmt.Errorf("%s: too many links", name)
		}
		if path.IsAbs(target) {
			inside = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return inside, r.at(inside), nil
}

func (r root) at(inside string) string { return filepath.Join(string(r), filepath.FromSlash(inside)) }

// open opens a regular file: never a pipe or a device, which could block.
func (r root) open(name string) (*os.File, fs.FileInfo, error) {
	_, outside, err := r.resolve(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(outside, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, plain(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, nil, plain(err)
	}
	return f, info, nil
}

// plain takes the outer path from an error: reports name paths themselves.
func plain(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// read gives the content of a small file.
func (r root) read(name string) ([]byte, error) {
	f, _, err := r.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	return data, plain(err)
}

// maxEntries bounds what is read of a folder.
const maxEntries = 100_000

// list gives the sorted names in a folder.
func (r root) list(name string) ([]string, error) {
	_, outside, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(outside)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && err != io.EOF {
		return nil, plain(err)
	}
	slices.Sort(names)
	return names, nil
}

// glob gives the sorted paths that match a pattern, one folder at a time;
// links to folders are followed.
func (r root) glob(pattern string) []string {
	found := []string{"/"}
	for _, part := range strings.Split(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, "*?[") {
				if _, err := os.Lstat(r.outside(path.Join(dir, part))); err == nil {
					next = append(next, path.Join(dir, part))
				}
				continue
			}
			names, _ := r.list(dir)
			for _, name := range names {
				if ok, _ := path.Match(part, name); ok {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	return found
}

// outside gives the real path of name, where the last part may be a link.
func (r root) outside(name string) string {
	dir, _, err := r.resolve(path.Dir(name))
	if err != nil {
		return r.at(name)
	}
	return r.at(path.Join(dir, path.Base(name)))
}

// line gives the content of a file that holds one line.
func line(data []byte) (any, error) {
	s := strings.TrimSpace(strings.TrimRight(string(data), "\x00"))
	if s == "" || strings.ContainsAny(s, "\n\x00") || len(s) > 4096 || !utf8.ValidString(s) {
		return nil, errors.New("not one line of text")
	}
	return s, nil
}

// file makes a source of a file and a parser.
func file(name string, parse func([]byte) (any, error)) source {
	return func(_ context.Context, e *env) (any, string, error) {
		data, err := e.root.read(name)
		if err != nil {
			return nil, name, err
		}
		v, err := parse(data)
		return v, name, err
	}
}

func sha3Text(parts ...string) string {
	h := sha3.New512()
	for _, p := range parts {
		io.WriteString(h, p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// lines gives the lines of a text, without ends.
func lines(data []byte) []string {
	return strings.Split(string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))), "\n")
}
