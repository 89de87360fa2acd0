package nuscenes

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Files relates the files that sample_data names to those that are there.
type Files struct {
	Missing []NamedFile // named and not there, by row
	Folders []Folder    // named and not there as a whole; their files are not in Missing
	Again   [][2]int32  // rows that name the file of an earlier row: earlier, row; by row
	Stray   []string    // below samples, sweeps or data, and named by no row; in order
}

// A NamedFile is a file that a row of sample_data names.
type NamedFile struct {
	Row  int32
	Name string
	Info bool // by info_filename
}

// A Folder is a top folder that rows of sample_data name, and which is not there.
type Folder struct {
	Name  string
	Row   int32 // the first that names it
	Files int   // named in it
}

// Files compares names with the listing of the folders, without asking the
// file system about single files, once.
func (t *Tables) Files() *Files {
	t.facts.files.Do(func() { t.facts.f = t.compareFiles() })
	return t.facts.f
}

func (t *Tables) compareFiles() *Files {
	out := &Files{}
	tree := t.Dataset.Tree
	named := map[string][]int32{} // by folder: for each entry, the row that names it + 1
	name := func(i int32, name string, info bool) {
		if !Inside(name) {
			return
		}
		dir, base := path.Split(path.Clean(name))
		dir = path.Clean(dir)
		k, ok := slices.BinarySearchFunc(tree.Dirs[dir], base, func(e dataset.Entry, s string) int { return cmp.Compare(e.Name, s) })
		if !ok || tree.Dirs[dir][k].Type.IsDir() {
			if t.SampleData.Sound(i) && !hidden(tree, path.Clean(name)) && !out.lacks(t.Dataset, i, dir) {
				out.Missing = append(out.Missing, NamedFile{i, name, info})
			}
			return
		}
		rows := named[dir]
		if rows == nil {
			rows = make([]int32, len(tree.Dirs[dir]))
			named[dir] = rows
		}
		switch first := rows[k] - 1; {
		case first < 0:
			rows[k] = i + 1
		case !info && t.SampleData.Sound(i) && t.SampleData.Sound(first):
			out.Again = append(out.Again, [2]int32{first, i})
		}
	}
	for i := range t.SampleData.Rows {
		r := &t.SampleData.Rows[i]
		name(int32(i), t.Name(r.Filename), false)
		if info := t.Name(t.RareName(r.Info)); info != "" {
			name(int32(i), info, true)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(tree.Dirs)) {
		top, _, _ := strings.Cut(dir, "/")
		if top != "samples" && top != "sweeps" && (top != "data" || t.Dataset.Schema != dataset.T4) {
			continue
		}
		for k, e := range tree.Dirs[dir] {
			if rows := named[dir]; e.Type.IsDir() || rows != nil && rows[k] != 0 {
				continue
			}
			p := path.Join(dir, e.Name)
			if _, bad := tree.BadLink(p); !bad {
				out.Stray = append(out.Stray, p)
			}
		}
	}
	return out
}

// lacks counts a file of a folder that is not there as a whole: samples or
// sweeps of nuScenes, data of T4. Lyft fixes none.
func (f *Files) lacks(ds *dataset.Dataset, row int32, dir string) bool {
	top, _, _ := strings.Cut(dir, "/")
	if top == "." || ds.Schema == dataset.Lyft || ds.Tree.Has(top) {
		return false
	}
	i := slices.IndexFunc(f.Folders, func(x Folder) bool { return x.Name == top })
	if i < 0 {
		i = len(f.Folders)
		f.Folders = append(f.Folders, Folder{Name: top, Row: row})
	}
	f.Folders[i].Files++
	return true
}

// Versions names the folders of tables that share this root, this one among
// them, in order. They share the folders of files too.
func (t *Tables) Versions() []string {
	out := []string{t.Dataset.Tables}
	for _, dir := range t.Dataset.Tree.Subdirs(".") {
		if dir != t.Dataset.Tables && t.Dataset.Schema == dataset.NuScenes && t.Dataset.Tree.HasFile(dir+"/sample_data.json") {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// Inside reports whether name stays below the data set's root: what leaves it
// breaks a rule of its own.
func Inside(name string) bool {
	return !strings.HasPrefix(name, "/") && !strings.ContainsAny(name, "\\\x00") &&
		(!strings.Contains(name, "..") || !slices.Contains(strings.Split(name, "/"), ".."))
}

// hidden reports whether the listing cannot tell if name is there: a folder on
// the way could not be listed, or a link on the way cannot be followed.
func hidden(tree *dataset.Tree, name string) bool {
	if _, bad := tree.BadLink(name); bad {
		return true
	}
	for _, e := range tree.Errors {
		if e.Path == "." || name == e.Path || strings.HasPrefix(name, e.Path+"/") {
			return true
		}
	}
	return false
}
