package datagen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// A Mutation is one fault: applied to a data set that is valid in every
// respect, it must raise exactly its rule and no other.
type Mutation struct {
	Rule string // id: "SCH026"
	Name string // tells several mutations of one rule apart; "" for the first
	Base Base   // the valid data set
	// Apply breaks the data set in place.
	Apply func(d *Dir) error
	// Config is the content of mmvalidate.yaml for the run, if the rule needs one.
	Config string
	// Deep runs the rules that read bodies too.
	Deep bool
	// Severity of the rule's findings, if it is not that of the rule.
	Severity string
	// With names other rules that state the same fault from another side and
	// cannot be avoided; each use says why in a comment.
	With []string
}

// of gives the mutation with another severity than the rule's.
func (m Mutation) of(severity string) Mutation {
	m.Severity = severity
	return m
}

// Write makes the folder root, with the data set in it and the fault in that.
func (m Mutation) Write(root string) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := m.Base.Generate(root); err != nil {
		return err
	}
	return m.Apply(&Dir{Root: root})
}

// A Base names a generated data set.
type Base struct {
	Name      string                  // "kitti-object": a sub-test's name
	Generate  func(root string) error // writes a valid data set into an empty folder
	Annotated bool                    // it carries sidecars; without them, the group UMM is left out
}

// Mutations lists every mutation, one table for each file of this package.
func Mutations() []Mutation {
	var all []Mutation
	for _, table := range mutations() {
		all = append(all, table...)
	}
	return all
}

func mutations() [][]Mutation {
	return [][]Mutation{
		layDetectMutations,
		layFilesMutations,
		layKITTIMutations,
		layImageSetsMutations,
		layRawMutations,
		layTablesMutations,
		layMetadataMutations,
		schJSONMutations,
		schTableMutations,
		schNamesMutations,
		schLabelMutations,
		schCalibMutations,
		schRawMutations,
		schTrackletsMutations,
		lnkReferencesMutations,
		lnkChainsMutations,
		lnkCountsMutations,
		lnkKeyframesMutations,
		lnkLidarsegMutations,
		lnkT4Mutations,
		lnkKITTIMutations,
		tmpStreamsMutations,
		tmpRawMutations,
		tmpTablesMutations,
		tmpCANMutations,
		geoCalibMutations,
		geoLabelsMutations,
		geoTablesMutations,
		payImagesMutations,
		payCloudsMutations,
		payLabelsMutations,
		payRawMutations,
		payContainersMutations,
		payKITTIMutations,
		ummFieldsMutations,
		ummGroupsMutations,
		ummOffsetsMutations,
		ummPartnersMutations,
		ummSidecarsMutations,
	}
}

// A Dir edits the files of one generated data set.
type Dir struct{ Root string }

func (d *Dir) path(name string) string { return filepath.Join(d.Root, filepath.FromSlash(name)) }

// Edit replaces the content of a file by f of it. A file that f leaves as it
// was is an error: the mutation would test nothing.
func (d *Dir) Edit(name string, f func([]byte) []byte) error {
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		return err
	}
	out := f(bytes.Clone(b))
	if bytes.Equal(b, out) {
		return fmt.Errorf("%s: the mutation changes nothing", name)
	}
	return os.WriteFile(d.path(name), out, 0o644)
}

// Replace replaces the first occurrence of old in a file.
func (d *Dir) Replace(name, old, new string) error {
	return d.Edit(name, func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) })
}

// Write writes a file, making its folder.
func (d *Dir) Write(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(d.path(name), b, 0o644)
}

// Remove removes a file or a folder, which must exist.
func (d *Dir) Remove(name string) error {
	if _, err := os.Lstat(d.path(name)); err != nil {
		return err
	}
	return os.RemoveAll(d.path(name))
}

// Rename renames a file or folder.
func (d *Dir) Rename(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(d.path(to)), 0o755); err != nil {
		return err
	}
	return os.Rename(d.path(from), d.path(to))
}

// Change is Edit of the first file, by name, that the pattern matches.
func (d *Dir) Change(pattern string, f func([]byte) []byte) error {
	found, err := filepath.Glob(d.path(pattern))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s matches no file", pattern)
	}
	name, err := filepath.Rel(d.Root, found[0])
	if err != nil {
		return err
	}
	return d.Edit(filepath.ToSlash(name), f)
}
