//go:build unix

package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A scan lists everything below a root and puts a row for each entry into out,
// in any order.
type scan struct {
	*run
	out   *sorter
	group *errgroup.Group // bounds the folders read at once
}

func (r *run) scan(ctx context.Context, out *sorter) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.o.Workers)
	s := &scan{run: r, out: out, group: group}
	group.Go(func() error {
		if r.only != "" {
			return s.entry(ctx, r.root, r.only, r.only)
		}
		fd, err := openFolderAt(r.root, ".")
		if err != nil {
			return err
		}
		return s.folder(ctx, fd, "")
	})
	return group.Wait()
}

// names is how many entries of a folder are held at once.
const names = 512

// folder lists one folder and those below it, and closes fd. A folder below is
// listed by another goroutine if one is free.
func (s *scan) folder(ctx context.Context, fd int, path string) error {
	// The name is not that of the folder: nothing may be looked up by it.
	dir := os.NewFile(uintptr(fd), "folder")
	defer dir.Close()
	st, err := fstat(fd)
	if err != nil {
		return s.refuse(path, 'd', err)
	}
	if err := settle(ctx, st); err != nil {
		return err
	}
	s.entries.Add(1)
	row := row{path: path, kind: 'd', empty: true, stat: st}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		list, err := s.list(dir, fd, path)
		for _, name := range list {
			row.empty = false
			if err := s.entry(ctx, fd, join2(path, name), name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return s.out.addRow(&row)
		}
		if err != nil {
			return s.refuse(path, 'd', err)
		}
	}
}

func join2(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// entry takes one entry of the folder fd.
func (s *scan) entry(ctx context.Context, fd int, path, name string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%.100q...: path of %d bytes is too long", path, len(path))
	}
	st, err := lstatAt(fd, name)
	if err == nil {
		err = s.o.hooks.fault(Scanning, path)
	}
	if err != nil {
		return s.refuse(path, st.kind(), err)
	}
	r := row{path: path, kind: st.kind(), stat: st}
	if r.kind != 'd' && !s.o.shard.Has(path) {
		return nil
	}
	switch r.kind {
	case 'd':
		// Folders tell: on overlay file systems, other entries have the numbers
		// of the devices below.
		if st.dev != s.dev && !s.o.CrossMounts {
			r.trouble = mount
			break
		}
		sub, err := openFolderAt(fd, name)
		if err != nil {
			return s.refuse(path, 'd', err)
		}
		below := func() error { return s.folder(ctx, sub, path) }
		if s.group.TryGo(below) {
			return nil
		}
		return below()
	case 'l':
		if r.note, err = readlinkAt(fd, name); err != nil {
			return s.refuse(path, 'l', err)
		}
		if escapes(s.real, path, r.note) {
			r.trouble, r.note = escape, "to "+strings.ToValidUTF8(r.note, "\uFFFD")
			break
		}
		r.digest = sum([]byte(r.note))
	case 'o':
		r.trouble, r.note = special, "it is "+st.what()
	case 'f':
		s.total.files.Add(1)
		s.total.bytes.Add(st.size)
		if isLarge(&r) {
			s.large.Add(1)
		}
	}
	s.entries.Add(1)
	return s.out.addRow(&r)
}

// refuse records an entry that could not be listed.
func (s *scan) refuse(path string, kind byte, err error) error {
	if fatal(err) {
		return fmt.Errorf("%q: %w", path, err)
	}
	s.entries.Add(1)
	return s.out.addRow(&row{path: path, kind: kind, trouble: troubleOf(err), note: errnoText(err)})
}

// unixClose closes a descriptor that was only read from: nothing can be lost.
func unixClose(fd int) { _ = unix.Close(fd) }
