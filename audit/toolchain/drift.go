package toolchain

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Drift says which files are not as a package manager installed them.
type Drift struct {
	Packages int `json:"packages"` // whose files were compared
	Files    int `json:"files"`
	// Of Files, those of which only the size was compared: larger than 16 MiB.
	BySize  int           `json:"bySize,omitempty"`
	Changed []ChangedFile `json:"changed"` // sorted by path, at most 1,000
	More    int           `json:"more,omitempty"`
	// Files that no package owns, where files and not packages were asked about.
	Unowned []string `json:"unowned,omitempty"`
}

// ChangedFile is a file that is not as it was installed.
type ChangedFile struct {
	Path    string `json:"path"`
	Package string `json:"package"`
	How     string `json:"how"` // changed, missing, unreadable
}

const (
	maxHashed  = 16 << 20
	maxChanged = 1000
)

// drifting collects findings of several goroutines.
type drifting struct {
	mu sync.Mutex // guards d
	d  Drift
}

func (d *drifting) found(c ChangedFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.Path = strings.ToValidUTF8(c.Path, "\ufffd")
	d.d.Changed = append(d.d.Changed, c)
}

func (d *drifting) seal() Drift {
	slices.SortFunc(d.d.Changed, func(a, b ChangedFile) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Package, b.Package))
	})
	if n := len(d.d.Changed) - maxChanged; n > 0 {
		d.d.Changed, d.d.More = d.d.Changed[:maxChanged], n
	}
	if d.d.Changed == nil {
		d.d.Changed = []ChangedFile{}
	}
	return d.d
}

// packageDrift compares the files of installed packages with their RECORD
// (PEP 376, PEP 627): path, hash, size. An edited installation shows here.
func packageDrift(ctx context.Context, e *env) (any, string, error) {
	const from = "RECORD of each package"
	if !e.opts.Drift {
		return nil, from, errNotAsked
	}
	found, err := e.packages()
	if err != nil {
		return nil, from, err
	}
	var out drifting
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, p := range found.value.Packages {
		if p.Record == "" || p.Shadowed || !strings.HasSuffix(p.Path, ".dist-info") {
			continue
		}
		data, err := e.root.read(path.Join(p.Path, "RECORD"))
		if err != nil {
			continue // changed since it was listed
		}
		out.d.Packages++
		rows, ok := records(data)
		if !ok {
			out.found(ChangedFile{path.Join(p.Path, "RECORD"), p.Name, "unreadable"})
		}
		for _, r := range rows {
			out.d.Files++
			if r.size > maxHashed {
				out.d.BySize++
			}
			g.Go(func() error {
				name := r.path
				if !path.IsAbs(name) {
					name = path.Join(path.Dir(p.Path), name)
				}
				if how := e.compare(ctx, name, sha256.New(), r.digest, r.size); how != "" {
					out.found(ChangedFile{name, p.Name, how})
				}
				return ctx.Err()
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, from, err
	}
	if out.d.Packages == 0 {
		return nil, from, errAbsent
	}
	return out.seal(), from, nil
}

var errNotAsked = errors.New("was not asked for")

// record is a row of a RECORD that has a hash.
type record struct {
	path   string
	digest []byte
	size   int64 // -1 if not stated
}

// records reads a RECORD: CSV of path, sha256=BASE64URL, size. Rows without a
// hash (of itself, of compiled files) are left out. It gives false if the rest
// could not be read.
func records(data []byte) ([]record, bool) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	var out []record
	for {
		row, err := r.Read()
		if err != nil {
			return out, err == io.EOF
		}
		if len(row) < 2 || row[0] == "" {
			continue
		}
		text, ok := strings.CutPrefix(row[1], "sha256=")
		digest, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if !ok || err != nil || len(digest) != sha256.Size {
			continue
		}
		one := record{path: strings.Clone(row[0]), digest: digest, size: -1}
		if len(row) > 2 && row[2] != "" {
			if n, err := strconv.ParseInt(row[2], 10, 64); err == nil && n >= 0 {
				one.size = n
			}
		}
		out = append(out, one)
	}
}

// compare says how a file differs from what it should be, "" if it does not. Of
// a large one whose size is known only that is compared.
func (e *env) compare(ctx context.Context, name string, h hash.Hash, digest []byte, size int64) string {
	f, info, err := e.root.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case err != nil:
		return "unreadable"
	}
	defer f.Close()
	if size >= 0 && info.Size() != size {
		return "changed"
	}
	if size > maxHashed {
		return ""
	}
	buf := make([]byte, 64<<10)
	for ctx.Err() == nil {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			if !bytes.Equal(h.Sum(nil), digest) {
				return "changed"
			}
			return ""
		}
		if err != nil {
			return "unreadable"
		}
	}
	return "" // the caller sees that ctx ended
}

// dpkgDrift compares the libraries of the run and of the driver with the sums
// that dpkg keeps. What dpkg does not know, as what NVIDIA's own installer or
// pip put there, is listed as unowned.
func dpkgDrift(ctx context.Context, e *env) (any, string, error) {
	const from = "/var/lib/dpkg/info/*.md5sums"
	if !e.opts.Drift {
		return nil, from, errNotAsked
	}
	lists := e.root.glob(from)
	if len(lists) == 0 {
		return nil, from, errAbsent
	}
	wanted := map[string]string{} // path without /, in each spelling, to path
	add := func(name string) {
		short := strings.TrimPrefix(path.Clean(name), "/")
		wanted[short] = name
		// Since the merge of /usr a package may list either.
		if below, ok := strings.CutPrefix(short, "usr/"); ok {
			wanted[below] = name
		} else {
			wanted["usr/"+short] = name
		}
	}
	if libs, err := e.libraries(); err == nil {
		for _, l := range libs {
			if !l.Deleted {
				add(l.Path)
			}
		}
	}
	for _, name := range e.driverFiles() {
		add(name)
	}
	if len(wanted) == 0 {
		return nil, from, errors.New("no libraries to look for")
	}
	var out drifting
	owned, packages := map[string]bool{}, map[string]bool{}
	for _, list := range lists {
		data, err := e.root.read(list)
		if err != nil {
			continue
		}
		for l := range bytes.Lines(data) {
			sum, name, ok := strings.Cut(strings.TrimRight(string(l), "\n"), "  ")
			at := wanted[name]
			if !ok || at == "" || owned[at] {
				continue
			}
			digest, err := hex.DecodeString(sum)
			if err != nil || len(digest) != md5.Size {
				continue
			}
			pkg := abbreviate(strings.TrimSuffix(path.Base(list), ".md5sums"))
			owned[at], packages[pkg] = true, true
			out.d.Files++
			if how := e.compare(ctx, at, md5.New(), digest, -1); how != "" {
				out.found(ChangedFile{at, pkg, how})
			}
			if err := ctx.Err(); err != nil {
				return nil, from, err
			}
		}
	}
	for _, at := range wanted {
		if at = strings.ToValidUTF8(at, "\ufffd"); !owned[at] && !slices.Contains(out.d.Unowned, at) {
			out.d.Unowned = append(out.d.Unowned, at)
		}
	}
	slices.Sort(out.d.Unowned)
	out.d.Packages = len(packages)
	return out.seal(), from, nil
}
