package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// A Link is a symbolic link of a data set that cannot be followed.
type Link struct {
	Path   string // relative to the data set's root
	Target string // as the link says
	Reason LinkReason
}

// LinkReason says why a link cannot be followed.
type LinkReason uint8

const (
	LinkEscapes LinkReason = iota + 1 // it leaves the root, or is absolute
	LinkBroken                        // nothing lies at its end
	LinkLoop                          // it leads back to a folder that holds it, or through too many links
)

// Slug names the rule that a bad link breaks.
func (l Link) Slug() string {
	if l.Reason == LinkEscapes {
		return "path-escape"
	}
	return "symlink-broken"
}

// BadLink finds the link that cannot be followed on the way to name.
func (t *Tree) BadLink(name string) (Link, bool) {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		i, ok := slices.BinarySearchFunc(t.BadLinks, name, func(l Link, s string) int { return strings.Compare(l.Path, s) })
		if ok {
			return t.BadLinks[i], true
		}
	}
	return Link{}, false
}

// Links that lead into one another can make a small folder look endless: these
// bound how many links to folders are followed on one path and in all, and how
// many folders are listed behind them.
const (
	maxLinkDepth     = 3
	maxLinksFollowed = 1 << 13
	maxLinkedFolders = 1 << 16
)

// link follows the link p, which lies behind so many links to folders. It
// gives fs.ModeDir for a folder to list, and notes a link that cannot be
// followed.
func (s *scanner) link(p string, links int) fs.FileMode {
	info, bad := follow(s.root, p)
	if bad == nil && info.IsDir() && (links >= maxLinkDepth || s.followed >= maxLinksFollowed || s.linked >= maxLinkedFolders || s.around(p, info)) {
		bad = &Link{Path: p, Reason: LinkLoop}
		bad.Target, _ = s.root.Readlink(p)
	}
	if bad != nil {
		s.t.BadLinks = append(s.t.BadLinks, *bad)
		return 0
	}
	if info.IsDir() {
		s.followed++
	}
	s.t.links = append(s.t.links, p)
	return info.Mode() & fs.ModeDir
}

// around reports whether the folder at the end of the link p holds the link.
func (s *scanner) around(p string, target fs.FileInfo) bool {
	for up := p; up != "."; {
		up = path.Dir(up)
		if above, err := s.root.Stat(up); err == nil && os.SameFile(target, above) {
			return true
		}
	}
	return false
}

// follow describes what a link leads to, or why it leads nowhere.
func follow(root *os.Root, p string) (fs.FileInfo, *Link) {
	info, err := root.Stat(p)
	if err == nil {
		return info, nil
	}
	bad := &Link{Path: p, Reason: LinkEscapes}
	bad.Target, _ = root.Readlink(p)
	// os.Root has no error value for a path that escapes, only one without a
	// meaning of its own; everything that the system says comes as a syscall
	// error.
	if errors.Is(err, fs.ErrNotExist) {
		bad.Reason = LinkBroken
	} else if errors.Is(err, syscall.ELOOP) {
		bad.Reason = LinkLoop
	}
	return nil, bad
}

// below gives the tree of the folder dir, which is the root that own opens,
// without the folders in without. A link that leaves dir for another folder of
// the wider tree is bad in this one.
func (t *Tree) below(dir string, own *os.Root, without []string) *Tree {
	if dir == "." && len(without) == 0 {
		return t
	}
	out := &Tree{Dirs: map[string][]Entry{}}
	away := map[string]bool{} // folders that are left out, with all below them
	for _, w := range without {
		away[w] = true
	}
	in := func(p string) (string, bool) {
		for up := p; len(away) > 0 && up != "."; up = path.Dir(up) {
			if away[up] {
				return "", false
			}
		}
		return relative(p, dir)
	}
	for _, l := range t.BadLinks {
		if rel, ok := in(l.Path); ok {
			out.BadLinks = append(out.BadLinks, Link{rel, l.Target, l.Reason})
		}
	}
	gone := map[string]bool{} // links to folders, which are files without their target
	for _, p := range t.links {
		rel, ok := in(p)
		if !ok {
			continue
		}
		_, bad := follow(own, rel)
		if bad == nil {
			out.links = append(out.links, rel)
			continue
		}
		out.BadLinks = append(out.BadLinks, *bad)
		if t.HasDir(p) {
			gone[p], away[p] = true, true
		}
	}
	slices.SortFunc(out.BadLinks, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	for _, e := range t.Errors {
		if rel, ok := in(e.Path); ok {
			out.Errors = append(out.Errors, &fs.PathError{Op: e.Op, Path: rel, Err: e.Err})
		}
	}
	var list func(p string)
	list = func(p string) {
		entries, ok := t.Dirs[p]
		if !ok {
			return
		}
		if len(away) > 0 {
			entries = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool {
				q := path.Join(p, e.Name)
				return away[q] && !gone[q]
			})
		}
		for i, e := range entries {
			switch q := path.Join(p, e.Name); {
			case gone[q]:
				entries[i].Type = fs.ModeSymlink
				out.Files++
			case e.Type.IsDir():
				list(q)
			default:
				out.Files++
			}
		}
		rel, _ := relative(p, dir)
		out.Dirs[rel] = entries
	}
	list(dir)
	return out
}

// within reports whether p is dir or lies below it.
func within(p, dir string) bool {
	return dir == "." || strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}

// relative gives p as seen from dir; ok is false where p does not lie there.
func relative(p, dir string) (rel string, ok bool) {
	switch {
	case !within(p, dir):
		return "", false
	case dir == ".":
		return p, true
	case p == dir:
		return ".", true
	}
	return p[len(dir)+1:], true
}
