// Package annotate derives the sidecars of RFC-2025-04 (docs/formats.md, "The
// unified metadata standard") from the native timestamps of data sets.
//
// New reads every moment once and decides what would be written; it writes
// nothing. Plan.Write reads them again and writes, file by file, each one
// whole or not at all. A second run finds nothing to do. Only .mm/ and
// mm_dataset.json are written: never a file of the data set's owner. Where a
// stamp is missing, New refuses with the names of the file and the stamp;
// it never guesses. Memory is bounded by the largest drive or scene.
package annotate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// Options say how to annotate.
type Options struct {
	// Raw gives the stamps of KITTI object, odometry and SemanticKITTI, which
	// have none of their own. It may be one of the sources. nil: the KITTI raw
	// data set among the sources, if there is one.
	Raw Raw
	// Map is the path of a sync map. If the file exists, the second data set
	// takes its ids from it, if it is among the sources; else the map is built
	// from the two timed data sets among the sources, and written to it.
	Map string
	// LearnWindows observes the offsets of each channel; see Plan.Windows.
	LearnWindows bool
}

// Raw is a KITTI raw data set: a *kitti.RawSource.
type Raw interface {
	moment.Source
	// Frame gives one frame of a synchronised drive.
	Frame(date, number string, frame int) (*moment.Moment, error)
}

// State says what writing a file would do.
type State string

// States of a file.
const (
	Fresh     State = "new"
	Changed   State = "changed"
	Unchanged State = "unchanged"
)

// A File is one file of a plan.
type File struct {
	Root    string `json:"root"` // of the data set
	Path    string `json:"path"` // slash-separated, relative to Root; absolute or as given for Options.Map
	State   State  `json:"state"`
	Records int    `json:"records"` // 0 for descriptors
}

// Name gives the file's path in the file system.
func (f *File) Name() string {
	if f.Root == "" {
		return f.Path
	}
	return filepath.Join(f.Root, filepath.FromSlash(f.Path))
}

// A Plan is what annotate would write.
type Plan struct {
	Files   []File   `json:"files"`   // in the order in which they are written: records first, descriptors last
	Records int      `json:"records"` // in all files
	Moments int      `json:"moments"`
	Skipped []string `json:"skipped,omitempty"` // moments that the standard does not demand and that have no stamps, a line for each group
	Bridge  *Bridge  `json:"bridge,omitempty"`  // how two data sets were related; nil without Options.Map
	// Windows holds, with Options.LearnWindows, the window of each channel that
	// its offsets were observed in, in ms: from the 1st percentile to the 99th,
	// with a margin. It fits sync.windows of the configuration.
	Windows map[string][2]float64 `json:"windows,omitempty"`

	ctx  context.Context
	sets []*set
	docs []document
}

// A document is a file whose content is small enough to keep.
type document struct {
	ds      *dataset.Dataset // nil for a file that the user named
	file    int              // position in Files
	content []byte
}

// A set is one data set to annotate.
type set struct {
	src  moment.Source
	name string
	desc *metadata.Descriptor
	raw  Raw
	ids  map[string]uuid.UUID // by sample, from a sync map
}

// New plans the sidecars of the sources, one for each data set. The error of a
// data set that lacks stamps is a *MissingError.
func New(ctx context.Context, sources []moment.Source, o Options) (*Plan, error) {
	if len(sources) == 0 {
		return nil, errors.New("nothing to annotate: no data set with moments")
	}
	p := &Plan{ctx: ctx}
	if o.Raw == nil {
		for _, s := range sources {
			if r, ok := s.(Raw); ok {
				o.Raw = r
				break
			}
		}
	}
	for _, src := range sources {
		ds := src.Dataset()
		s := &set{src: src, name: metadata.Name(ds), desc: metadata.ReadDescriptor(ds), raw: o.Raw}
		if s.desc.Entry.SyncID == "stored" {
			return nil, fmt.Errorf("%s: mm_dataset.json says that the ids of %s were stored when recording; annotate would replace them by derived ones", ds.Root, s.name)
		}
		if m := metadata.DeclaredMap(ds); m != nil && !m.Missing {
			s.ids = m.IDs(s.name)
		}
		p.sets = append(p.sets, s)
	}
	maps := map[*set]string{} // data sets whose descriptor is to name a map
	if o.Map != "" {
		if err := p.bridge(o.Map, maps); err != nil {
			return nil, err
		}
	}
	observed := map[string][]int64{}
	var missing MissingError
	for _, s := range p.sets {
		err := s.groups(ctx, &missing, func(g *group) error {
			p.Moments += g.moments
			if g.skipped > 0 {
				p.Skipped = append(p.Skipped, fmt.Sprintf("%s %s: %d samples without stamps, for which the standard demands no records", s.name, g.name, g.skipped))
			}
			if g.records == 0 || missing.Count > 0 {
				return nil
			}
			if o.LearnWindows {
				for ch, ns := range g.offsets {
					observed[ch] = append(observed[ch], ns...)
				}
			}
			f := File{Root: s.src.Dataset().Root, Path: metadata.SidecarPath(s.name, g.name), Records: g.records}
			old, err := f.compare(s.src.Dataset(), g.content)
			if err == nil && f.State == Changed {
				err = keepsAll(&f, old)
			}
			if err != nil {
				return err
			}
			p.Files = append(p.Files, f)
			p.Records += g.records
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if missing.Count > 0 {
		return nil, &missing
	}
	if err := p.descriptors(maps); err != nil {
		return nil, err
	}
	if o.LearnWindows {
		p.Windows = windows(observed)
	}
	return p, nil
}

// Pending counts the files that Write would write.
func (p *Plan) Pending() int {
	n := 0
	for _, f := range p.Files {
		if f.State != Unchanged {
			n++
		}
	}
	return n
}

// Write writes the files that are new or changed. A failure leaves each file
// either as it was or whole; running again completes the work.
func (p *Plan) Write() error {
	state := map[string]State{}
	for _, f := range p.Files {
		state[f.Name()] = f.State
	}
	for _, s := range p.sets {
		var missing MissingError
		err := s.groups(p.ctx, &missing, func(g *group) error {
			f := File{Root: s.src.Dataset().Root, Path: metadata.SidecarPath(s.name, g.name)}
			if st := state[f.Name()]; st != Fresh && st != Changed {
				return nil
			}
			return s.src.Dataset().WriteFile(f.Path, g.content)
		})
		if err != nil {
			return err
		}
		if missing.Count > 0 { // the stamps went away since the plan was made
			return &missing
		}
	}
	for _, d := range p.docs {
		f := &p.Files[d.file]
		if f.State == Unchanged {
			continue
		}
		if err := d.write(f.Path); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) write(name string) error {
	if d.ds != nil {
		return d.ds.WriteFile(name, d.content)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(name, d.content, 0o644)
}

// maxOld bounds the bytes of a file that annotate may replace: far more than
// it ever writes.
const maxOld = 256 << 20

// compare finds out what writing content would do, and gives what is there.
func (f *File) compare(ds *dataset.Dataset, content []byte) ([]byte, error) {
	old, err := read(ds, f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.State = Fresh
	case err != nil:
		return nil, err
	case bytes.Equal(old, content):
		f.State = Unchanged
	default:
		f.State = Changed
	}
	return old, nil
}

// read reads a file of a data set, or one that the user named.
func read(ds *dataset.Dataset, name string) ([]byte, error) {
	if ds != nil {
		b, err := ds.ReadFile(name, maxOld)
		if err != nil {
			err = fmt.Errorf("%s: %w", ds.Root, err)
		}
		return b, err
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.ReadFile(name)
}

// keepsAll refuses to replace a sidecar that holds more than annotate writes:
// digests, references, fields of the owner.
func keepsAll(f *File, old []byte) error {
	written := []string{"dataset", "sample", "channel", "file", "sensor_sync_id", "temporal_offset_ns", "modality_schema", "source", "schema_version", "standard", "group"}
	var p jsonrow.Parser
	n := 0
	for line := range bytes.Lines(old) {
		n++
		obj, err := p.Object(line, 0)
		if err != nil {
			continue
		}
		for _, field := range obj.Fields {
			if !slices.Contains(written, field.Name) {
				return fmt.Errorf("%s:%d has the field %q, which annotate would lose; move the file away to have it written anew", f.Name(), n, field.Name)
			}
		}
	}
	return nil
}

// descriptors plans mm_dataset.json of each root.
func (p *Plan) descriptors(maps map[*set]string) error {
	var roots []*dataset.Dataset // one of each root
	content := map[string][]byte{}
	for _, s := range p.sets {
		root := s.src.Dataset().Root
		name := filepath.Join(root, metadata.DescriptorFile)
		old, seen := content[root]
		if !seen {
			roots = append(roots, s.src.Dataset())
			b, err := read(s.src.Dataset(), metadata.DescriptorFile)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			old = b
		}
		b, err := metadata.AddEntry(old, entry(s), maps[s])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		content[root] = b
	}
	for _, ds := range roots {
		if err := p.document(ds, metadata.DescriptorFile, content[ds.Root], 0); err != nil {
			return err
		}
	}
	return nil
}

// document plans a file of a data set, or with nil one that the user named.
func (p *Plan) document(ds *dataset.Dataset, path string, content []byte, records int) error {
	f := File{Path: path, Records: records}
	if ds != nil {
		f.Root = ds.Root
	}
	if _, err := f.compare(ds, content); err != nil {
		return err
	}
	p.docs = append(p.docs, document{ds, len(p.Files), content})
	p.Files = append(p.Files, f)
	return nil
}

// A MissingError says which stamps or keys are missing.
type MissingError struct {
	Count int      // observations or samples
	First []string // at most 10, each naming the file and what it lacks
}

func (e *MissingError) add(format string, args ...any) {
	if e.Count++; len(e.First) < 10 {
		e.First = append(e.First, fmt.Sprintf(format, args...))
	}
}

func (e *MissingError) Error() string {
	msg := "nothing was annotated, since stamps are missing: " + strings.Join(e.First, "; ")
	if more := e.Count - len(e.First); more > 0 {
		msg += fmt.Sprintf("; and %d more", more)
	}
	return msg
}
