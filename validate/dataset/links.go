package dataset

import (
	"path"
	"slices"
	"strings"
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
	LinkLoop                          // it leads back to a folder that holds it
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
