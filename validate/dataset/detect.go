package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An Undetected folder holds no data set that this build reads.
type Undetected struct {
	Root   string   // as the user wrote it
	Seen   []string // what lies in it, for the message; at most 20 names
	Other  string   // a format that is recognised and declined ("Waymo Open Dataset"); "" if none
	Reason string   // what to do: about Other, or which folder to give instead
}

// Detection is what Detect found below one folder.
type Detection struct {
	Root       string      // the folder, as the user wrote it
	Datasets   []*Dataset  // by root, then format, then tables
	Undetected *Undetected // set when Datasets is empty
	Nested     []Nested    // data sets deeper than where they were looked for
	Ambiguous  []Ambiguous // folders that match several formats
	// Areas share out every listed file: each root of data sets with what lies
	// there, and the folder itself with the rest.
	Areas []Area
}

// An Area is a folder with the files that belong to it and to no deeper area.
type Area struct {
	Root    string
	Schemas []Schema // of the data sets with this root; empty for what belongs to none
	Tree    *Tree
	Dataset *Dataset // the first of them, to open files with; nil if there is none
}

// Nested says that data of Root lies in Found, one or more levels deeper than
// the format has it.
type Nested struct{ Root, Found string }

// Ambiguous says that one root matches several formats equally well. It is
// taken for the first.
type Ambiguous struct {
	Root     string
	Schemas  []Schema
	Evidence []string // a path for each
}

// A match is a fingerprint found in a tree.
type match struct {
	root     string // relative to the folder given
	schema   Schema
	tables   string
	evidence []string
	nested   []string // folders where its data lies, if deeper than they should be
	also     Schema   // a format that matches as well
	alsoAt   string   // its evidence
}

// Detect finds the data sets below dir by fingerprint (docs/formats.md, Detection),
// never by the name of a folder alone. The folder is listed once; a bounded
// head of some tables is read. Every data set has a handle of its own, which
// Close releases.
//
// The error is about dir itself: that it does not exist, is a file, or cannot
// be read.
func Detect(ctx context.Context, dir string, ignored func(path string, isDir bool) bool) (_ *Detection, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is %s, not a folder", dir, kindOf(info.Mode()))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	tree, err := Scan(ctx, root, ignored)
	if err != nil {
		return nil, err
	}
	if e := tree.Errors; len(e) > 0 && e[0].Path == "." {
		return nil, fmt.Errorf("%s cannot be listed: %w", dir, e[0].Err)
	}

	f := &finder{root: root, tree: tree}
	if abs, err := filepath.Abs(dir); err == nil {
		f.name, f.parent = filepath.Base(abs), filepath.Base(filepath.Dir(abs))
	}
	matches := f.matches()
	det := &Detection{Root: filepath.Clean(dir)}
	defer func() {
		if err != nil {
			err = errors.Join(err, det.Close())
		}
	}()
	at := func(rel string) string { return filepath.Join(det.Root, filepath.FromSlash(rel)) }
	roots := map[string][]string{} // root of a data set -> the deeper roots inside it
	for _, m := range matches {
		roots[m.root] = nil
	}
	for inner := range roots {
		for outer := inner; outer != "."; {
			outer = path.Dir(outer)
			if _, ok := roots[outer]; ok {
				roots[outer] = append(roots[outer], inner)
			}
		}
	}
	trees := map[string]*Tree{}
	for _, m := range matches {
		own, err := open(dir, root, m.root)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be opened: %w", at(m.root), err)
		}
		if trees[m.root] == nil {
			trees[m.root] = tree.below(m.root, own, roots[m.root])
			det.Areas = append(det.Areas, Area{Root: at(m.root), Tree: trees[m.root]})
		}
		ds := &Dataset{Root: at(m.root), Schema: m.schema, Tables: m.tables, Evidence: m.evidence, Tree: trees[m.root], dir: own}
		det.Datasets = append(det.Datasets, ds)
		area := &det.Areas[len(det.Areas)-1] // matches are ordered by root
		area.Schemas = append(area.Schemas, m.schema)
		if area.Dataset == nil {
			area.Dataset = ds
		}
		for _, found := range m.nested {
			det.Nested = append(det.Nested, Nested{Root: at(m.root), Found: at(found)})
		}
		if m.also != "" {
			det.Ambiguous = append(det.Ambiguous, Ambiguous{
				Root: at(m.root), Schemas: []Schema{m.schema, m.also}, Evidence: []string{m.evidence[0], m.alsoAt},
			})
		}
	}
	if _, ok := roots["."]; !ok {
		det.Areas = append(det.Areas, Area{Root: det.Root, Tree: tree.below(".", root, slices.Collect(maps.Keys(roots)))})
	}
	if len(matches) == 0 {
		det.Undetected = f.undetected(dir)
	} else {
		det.lone(dir, matches)
	}
	return det, nil
}

// lone notes the nesting of a folder that holds data sets at one root alone,
// and that not where the user looked: the documented place of a T4 data set is
// DATASET/VERSION.
func (d *Detection) lone(dir string, matches []match) {
	m := matches[0]
	if len(d.Areas) > 2 || m.root == "." || len(m.nested) > 0 {
		return
	}
	if m.schema == T4 && !strings.Contains(m.root, "/") && digits(m.root, 1, 9) {
		return
	}
	d.Nested = append(d.Nested, Nested{Root: filepath.Clean(dir), Found: d.Datasets[0].Root})
}

// Close releases the handles of every data set.
func (d *Detection) Close() error {
	var errs []error
	for _, ds := range d.Datasets {
		errs = append(errs, ds.Close())
	}
	return errors.Join(errs...)
}

// open gives a handle of its own on the folder rel of dir, which root opens.
func open(dir string, root *os.Root, rel string) (*os.Root, error) {
	if rel == "." {
		return os.OpenRoot(dir)
	}
	return root.OpenRoot(rel)
}

// matches looks for every fingerprint, in a fixed order.
func (f *finder) matches() []match {
	var out []match
	var raw []string
	dirs := slices.Sorted(maps.Keys(f.tree.Dirs))
	for _, dir := range dirs {
		if hidden(dir) {
			continue
		}
		switch base := path.Base(dir); {
		case base == "training" || base == "testing":
			if m, ok := f.split(dir); ok {
				out = merge(out, m)
			}
		case base == "sequences":
			if m, ok := f.odometry(dir); ok {
				out = append(out, m)
			}
		case dateDir().MatchString(base):
			if f.date(dir) {
				raw = append(raw, dir)
			}
		default:
			if m, ok := f.tables(dir); ok {
				out = append(out, m)
			} else if f.bareDrive(dir) {
				out = append(out, match{root: dir, schema: KITTIRaw, evidence: f.streams(dir)})
			}
		}
	}
	out = append(out, f.raw(raw)...)
	slices.SortStableFunc(out, func(a, b match) int {
		return cmp.Or(strings.Compare(a.root, b.root), cmp.Compare(slices.Index(Schemas, a.schema), slices.Index(Schemas, b.schema)), strings.Compare(a.tables, b.tables))
	})
	return out
}

// merge adds a part of a KITTI data set: training and testing of one root are
// one data set.
func merge(out []match, m match) []match {
	for i := range out {
		if have := &out[i]; have.root == m.root && have.schema == m.schema {
			have.evidence = append(have.evidence, m.evidence...)
			if have.also == "" {
				have.also, have.alsoAt = m.also, m.alsoAt
			}
			return out
		}
	}
	return append(out, m)
}

// hidden reports whether a folder on the way to p is hidden: version control,
// caches, sidecars.
func hidden(p string) bool { return p != "." && strings.HasPrefix(p, ".") || strings.Contains(p, "/.") }
