package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// A Tree is the listing of a data set's folders: names and kinds, no sizes.
// It is read once, by listing folders (0.5 µs a file) and never by stat
// (2.8 µs), and does not change afterwards.
type Tree struct {
	// Dirs holds the entries of every folder by its slash-separated path
	// relative to the root ("." is the root), each sorted by name.
	Dirs map[string][]Entry
	// Errors are folders that could not be listed, in path order.
	Errors []*fs.PathError
	// BadLinks are symbolic links that cannot be followed, in path order.
	BadLinks []Link
	// Files counts everything that is not a folder.
	Files int

	links []string // those that were followed
}

// An Entry is one name in a folder.
type Entry struct {
	Name string
	// Type holds the type bits alone: fs.ModeDir, fs.ModeSymlink, …; 0 for a
	// regular file. A link to a folder has both bits.
	Type fs.FileMode
}

// Special reports whether the entry is a named pipe, a socket or a device,
// which nobody opens here: that could block, or do something.
func (e Entry) Special() bool {
	return e.Type&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice|fs.ModeCharDevice|fs.ModeIrregular) != 0
}

// Kind names what the entry is: "a named pipe".
func (e Entry) Kind() string { return kindOf(e.Type) }

// Scan lists everything below root. Symbolic links to folders are followed
// where they stay inside the root, except back into a folder that holds them;
// the others become BadLinks, and nothing behind them is listed. ignored, if
// not nil, leaves paths out.
func Scan(ctx context.Context, root *os.Root, ignored func(path string, dir bool) bool) (*Tree, error) {
	s := &scanner{ctx: ctx, root: root, ignored: ignored, t: &Tree{Dirs: map[string][]Entry{}}}
	if err := s.folder(".", 0); err != nil {
		return nil, err
	}
	t := s.t
	slices.SortFunc(t.Errors, func(a, b *fs.PathError) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(t.BadLinks, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	return t, nil
}

type scanner struct {
	ctx      context.Context
	root     *os.Root
	ignored  func(path string, dir bool) bool
	t        *Tree
	linked   int // folders listed behind symbolic links
	followed int // links to folders
}

// maxDepth is how deep folders are listed; the deepest format needs five. Each
// is opened by its path from the root, which takes a system call a level.
const maxDepth = 64

// folder lists dir, which lies behind so many links to folders, and everything
// below it.
func (s *scanner) folder(dir string, links int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if links > 0 {
		s.linked++
	}
	if strings.Count(dir, "/") >= maxDepth {
		s.t.Errors = append(s.t.Errors, &fs.PathError{Op: "list", Path: dir, Err: fmt.Errorf("lies more than %d folders deep", maxDepth)})
		s.t.Dirs[dir] = nil
		return nil
	}
	entries, err := list(s.root, dir)
	if err != nil {
		s.t.Errors = append(s.t.Errors, &fs.PathError{Op: "list", Path: dir, Err: reason(err)})
	}
	kept := entries[:0]
	for _, e := range entries {
		if s.ignored != nil && s.ignored(path.Join(dir, e.Name), e.Type.IsDir()) {
			continue
		}
		if e.Type&fs.ModeSymlink != 0 {
			e.Type |= s.link(path.Join(dir, e.Name), links)
		}
		kept = append(kept, e)
		if !e.Type.IsDir() {
			s.t.Files++
		}
	}
	kept = slices.Clip(kept)
	s.t.Dirs[dir] = kept
	for _, e := range kept {
		if !e.Type.IsDir() {
			continue
		}
		n := links
		if e.Type&fs.ModeSymlink != 0 {
			n++
		}
		if err := s.folder(path.Join(dir, e.Name), n); err != nil {
			return err
		}
	}
	return nil
}

// reason strips the path that the operating system adds to an error.
func reason(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// list reads the entries of a folder. A folder that was opened through os.Root
// looks at every file when it is read (2 µs each), so it is read through a
// second handle on what was opened.
func list(root *os.Root, dir string) ([]Entry, error) {
	opened, err := root.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	conn, err := opened.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	if err := conn.Control(func(of uintptr) { fd, dupErr = syscall.Dup(int(of)) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	ents, err := f.ReadDir(-1)
	out := make([]Entry, 0, len(ents))
	for _, e := range ents {
		out = append(out, Entry{Name: e.Name(), Type: e.Type()})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Entry finds one path.
func (t *Tree) Entry(name string) (Entry, bool) {
	name = path.Clean(name)
	if name == "." {
		return Entry{Name: ".", Type: fs.ModeDir}, true
	}
	ents := t.Dirs[path.Dir(name)]
	base := path.Base(name)
	i, ok := slices.BinarySearchFunc(ents, base, func(e Entry, s string) int { return strings.Compare(e.Name, s) })
	if !ok {
		return Entry{}, false
	}
	return ents[i], true
}

// Has reports whether name exists, whatever it is, a link to nowhere included:
// what stands in place of a file must be opened for its fault to be found.
func (t *Tree) Has(name string) bool {
	_, ok := t.Entry(name)
	_, bad := t.BadLink(path.Clean(name))
	return ok || bad
}

// HasFile reports whether name exists and is not a folder.
func (t *Tree) HasFile(name string) bool {
	e, ok := t.Entry(name)
	return ok && !e.Type.IsDir()
}

// HasDir reports whether name is a folder.
func (t *Tree) HasDir(name string) bool {
	_, ok := t.Dirs[path.Clean(name)]
	return ok
}

// Names gives the names of dir's entries that are not folders and end in
// suffix, sorted. A missing folder has none.
func (t *Tree) Names(dir, suffix string) []string {
	var out []string
	for _, e := range t.Dirs[path.Clean(dir)] {
		if !e.Type.IsDir() && strings.HasSuffix(e.Name, suffix) {
			out = append(out, e.Name)
		}
	}
	return out
}

// Subdirs gives the names of dir's folders, sorted.
func (t *Tree) Subdirs(dir string) []string {
	var out []string
	for _, e := range t.Dirs[path.Clean(dir)] {
		if e.Type.IsDir() {
			out = append(out, e.Name)
		}
	}
	return out
}

// Walk calls visit for everything that is not a folder, in path order.
func (t *Tree) Walk(visit func(name string, e Entry)) {
	dirs := make([]string, 0, len(t.Dirs))
	for d := range t.Dirs {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	for _, d := range dirs {
		for _, e := range t.Dirs[d] {
			if !e.Type.IsDir() {
				visit(path.Join(d, e.Name), e)
			}
		}
	}
}

func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("is larger than %d bytes", limit)}
	}
	return b, nil
}
