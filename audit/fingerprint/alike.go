package fingerprint

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// alike finds names of one folder that differ only in case or in Unicode normal
// form: not every file system and archive can hold both, so that a copy of the
// data may lack one of them. Paths come in the order of their bytes, in which all
// below a folder stand together.
type alike struct {
	seed    maphash.Seed
	folders []siblings // from the root down to that of the last path
	found   Names
}

// siblings are the folded names of a folder, as hashes.
type siblings struct {
	path string // "" for the root, else with a slash at the end
	last string // the name that came last
	seen map[uint64]struct{}
}

// maxNames is how many names of a folder are remembered: 40 MB. A name after
// these is held against them alone.
const maxNames = 1 << 20

// Names are the first of some paths, in order, and the number of all.
type Names struct {
	First []string
	Count uint64
}

func newAlike() *alike {
	return &alike{seed: maphash.MakeSeed(), folders: []siblings{{seen: map[uint64]struct{}{}}}}
}

func (a *alike) add(path string) {
	for {
		top := &a.folders[len(a.folders)-1]
		if !strings.HasPrefix(path, top.path) {
			a.folders = a.folders[:len(a.folders)-1]
			continue
		}
		name, _, below := strings.Cut(path[len(top.path):], "/")
		if name != top.last {
			top.last = name
			a.name(top, name)
		}
		if !below {
			return
		}
		a.folders = append(a.folders, siblings{path: top.path + name + "/", seen: map[uint64]struct{}{}})
	}
}

func (a *alike) name(folder *siblings, name string) {
	h := maphash.String(a.seed, fold(name))
	if _, known := folder.seen[h]; known {
		a.found.Count++
		if len(a.found.First) < maxProblems {
			a.found.First = append(a.found.First, folder.path+name)
		}
	} else if len(folder.seen) < maxNames {
		folder.seen[h] = struct{}{}
	}
}

// fold gives names that differ only in case or normal form one form.
func fold(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFC.String(name))))
		}
	}
	return strings.ToLower(name)
}
