package rules

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var ummSidecars = []Rule{
	{
		ID: "UMM032", Slug: "inherit-forbidden", Severity: rule.Error,
		Summary: "Neither mm_dataset.json nor the header of a sidecar states sensor_sync_id or temporal_offset_ns.",
		Why:     "An inherited id would name all moments alike, an inherited offset would stand for measurements that nobody made.",
		Example: `"temporal_offset_ns":0 in mm_dataset.json`,
		Hint:    "state the field in each record",
		Checks: []Check{onParent(func(c *Ctx, p *metadata.Parent) {
			for _, name := range p.Forbidden {
				reportParent(c, p, Finding{Message: fmt.Sprintf("the %s states %s, which no record may inherit", p.What, name), Key: p.What + " " + p.Dataset + " " + name})
			}
		})},
	},
	{
		ID: "UMM033", Slug: "inherit-ambiguous", Severity: rule.Error,
		Summary: "A data set has one entry in mm_dataset.json, and a drive or scene one sidecar.",
		Why:     "Of two parents at one level readers take the first or the last, and so inherit different values.",
		Example: `.mm/kitti_raw/drive (copy).jsonl whose header says "group":"2011_09_26_drive_0001" as another does`,
		Hint:    "delete one of them",
		Checks: []Check{onParent(func(c *Ctx, p *metadata.Parent) {
			if p.Twin == "" {
				return
			}
			f := Finding{Message: fmt.Sprintf("%s has %s in the descriptor", p.Dataset, p.Twin), Expected: "one entry", Actual: p.Twin}
			if p.Group != "" {
				f = Finding{Message: fmt.Sprintf("%s is described by %s already", p.Group, p.Twin), Related: []Place{{Path: p.Twin}}, Key: p.Group}
			}
			reportParent(c, p, f)
		})},
	},
	{
		ID: "UMM034", Slug: "field-override", Severity: rule.Warning,
		Summary: "A value is stated at one level only: a child neither repeats nor contradicts what it inherits.",
		Why:     "A repeated value is changed in one place and forgotten in the other.",
		Example: `"modality_schema":"kitti_raw" in mm_dataset.json and again in each record`,
		Hint:    "state the value in the parent or in the records, not in both",
		Checks:  []Check{rule.On(overriddenRecords), onParent(overriddenHeader)},
	},
	{
		ID: "UMM035", Slug: "sidecar-version", Severity: rule.Error,
		Summary: "Every sidecar, single record and descriptor states a version of the standard that this build knows.",
		Why:     "Fields may mean something else in another version; guessing would give wrong verdicts, so such a file is not read.",
		Example: `a sidecar that begins with a record, or {"schema_version":"2.0","standard":"RFC-2025-04",…`,
		Hint:    `begin the file with {"schema_version":"1.0","standard":"RFC-2025-04",…}, or use a newer mmvalidate`,
		Checks: []Check{rule.On(func(c *Ctx, p *metadata.Parent) {
			if p.Known() {
				return
			}
			f := Finding{
				Message:  fmt.Sprintf("the %s states no version of the standard", p.What),
				Expected: fmt.Sprintf("%s version %s", metadata.Standard, metadata.Version), Actual: "none",
			}
			if p.Version.Kind != 0 || p.Standard.Kind != 0 {
				f.Actual = strings.TrimSpace(p.Standard.Text + " version " + p.Version.Literal())
				f.Message = fmt.Sprintf("the %s states %s, which this build does not know", p.What, f.Actual)
			}
			reportParent(c, p, f)
		})},
	},
	{
		ID: "UMM036", Slug: "sidecar-unknown-field", Severity: rule.Warning,
		Summary: "Sidecars and descriptors have the fields and values of their schema, and others only under names that begin with x_.",
		Why:     "A misspelt name is a field that nobody reads.",
		Example: `"temporal_ofset_ns":0, or "size":"12 MB"`,
		Hint:    "correct the name, or begin it with x_; `mmvalidate schema` prints the schemas",
		Checks: []Check{
			onRecord(func(c *Ctx, r *metadata.Record) {
				for _, name := range r.Unknown {
					f := Finding{Message: fmt.Sprintf("field %q is not in the schema of records", name), Actual: name}
					if s := suggest.Nearest(name, recordFields); s != "" {
						f.Hint = fmt.Sprintf("did you mean %q?", s)
					}
					reportField(c, r, name, f)
				}
				for _, why := range r.Refused {
					reportField(c, r, why, Finding{Message: "the schema refuses the record: " + why})
				}
			}),
			onParent(func(c *Ctx, p *metadata.Parent) {
				for _, name := range p.Unknown {
					reportParent(c, p, Finding{Message: fmt.Sprintf("field %q is not in the schema of the %s", name, p.What), Actual: name, Key: p.What + " " + p.Dataset + " " + name})
				}
				for _, why := range p.Refused {
					reportParent(c, p, Finding{Message: fmt.Sprintf("the schema refuses the %s: %s", p.What, why), Key: p.What + " " + p.Dataset + " " + why})
				}
			}),
		},
	},
	{
		ID: "UMM037", Slug: "sidecar-order", Severity: rule.Info,
		Summary: "The records of a sidecar are sorted by data set, sample and channel, as bytes.",
		Why:     "Only sorted files give small differences from one version to the next.",
		Example: "the record of frame 0000000005 before that of frame 0000000004",
		Hint:    "`mmvalidate fix --write` sorts the file",
		Checks: []Check{rule.On(func(c *Ctx, g *metadata.Group) {
			if r := g.Unsorted; r != nil {
				c.Report(Finding{
					Message: fmt.Sprintf("the record of channel %s of sample %s stands behind one that should follow it", r.Channel, r.Sample),
					Place:   r.Place, Key: g.Name,
				})
			}
		})},
		Fix: sortRecords,
	},
	{
		ID: "UMM038", Slug: "sidecar-digest", Severity: rule.Error,
		Summary: "Size and SHA-256 that a record states are those of the file.",
		Why:     "The file was changed, truncated or exchanged after the record was made.",
		Example: `"size":1863376 for a scan that was cut off at 1048576 bytes`,
		Hint:    "restore the file, or annotate the new one",
		Checks:  []Check{onRecord(digest)},
	},
	{
		ID: "UMM040", Slug: "coverage", Severity: rule.Info, Statistic: true,
		Summary: "States how many annotated samples have all three fields in every channel.",
		Why:     "A release says in one number how far its annotation has come.",
		Example: "98 of 108 samples of kitti_raw have all three fields in every channel (90.7 %)",
		Hint:    "the HTML report shows the coverage of each channel",
		Checks: []Check{rule.On(func(c *Ctx, v *metadata.Coverage) {
			percent := 100.0
			if v.Samples > 0 {
				percent = 100 * float64(v.Complete) / float64(v.Samples)
			}
			c.Report(Finding{
				Message:  fmt.Sprintf("%d of %s of %s have all three fields in every channel (%.1f %%)", v.Complete, human.Count(v.Samples, "sample"), v.Schema, percent),
				Expected: fmt.Sprint(v.Samples), Actual: fmt.Sprint(v.Complete), Key: v.Schema,
			})
		})},
	},
}

var recordFields = []string{
	"channel", "dataset", "file", "modality_schema", "reference", "sample", "schema_version",
	"sensor_sync_id", "sha256", "size", "source", "temporal_offset_ns",
}

// onParent subscribes to the parents of a known version.
func onParent(f func(c *Ctx, p *metadata.Parent)) Check {
	return rule.On(func(c *Ctx, p *metadata.Parent) {
		if p.Known() {
			f(c, p)
		}
	})
}

func reportField(c *Ctx, r *metadata.Record, key string, f Finding) {
	f.Place = r.Place
	f.Key = r.Sample + " " + r.Channel + " " + key
	c.Report(f)
}

// overriddenRecords says once for each field of a sidecar what all its
// records repeat.
func overriddenRecords(c *Ctx, g *metadata.Group) {
	count := map[string]int{}
	first := map[string]*metadata.Record{}
	for _, s := range g.Samples {
		for _, r := range s.Records {
			if r == nil {
				continue
			}
			for _, name := range r.Overrides {
				if count[name]++; first[name] == nil || r.Place.Line < first[name].Place.Line {
					first[name] = r
				}
			}
		}
	}
	for name, n := range count {
		c.Report(Finding{
			Message: fmt.Sprintf("%s is inherited, but stated again by %s of %s", name, human.Count(n, "record"), g.Name),
			Place:   first[name].Place, Key: g.Name + " " + name,
		})
	}
}

func overriddenHeader(c *Ctx, p *metadata.Parent) {
	for _, name := range p.Overrides {
		reportParent(c, p, Finding{Message: fmt.Sprintf("%s is inherited from the descriptor, but the header line states it too", name), Key: p.Group + " " + name})
	}
}

// sortRecords orders the lines behind the header. Files that cannot be read
// line by line are left alone.
func sortRecords(path string, content []byte) ([]byte, error) {
	if !isSidecar(path) || !strings.HasSuffix(path, ".jsonl") {
		return content, nil
	}
	type line struct {
		text                     []byte
		dataset, sample, channel string
	}
	var lines []line
	var p jsonrow.Parser
	n := 0
	for text := range bytes.Lines(content) {
		if n++; n == 1 {
			continue
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		obj, err := p.Object(text, 0)
		if err != nil {
			return content, nil
		}
		l := line{text: text}
		if !bytes.HasSuffix(text, []byte("\n")) {
			l.text = append(slices.Clone(text), '\n')
		}
		for name, into := range map[string]*string{"dataset": &l.dataset, "sample": &l.sample, "channel": &l.channel} {
			if f := obj.Field(name); f != nil && f.Kind == jsonrow.String {
				*into = string(jsonrow.Text(f.Raw))
			}
		}
		lines = append(lines, l)
	}
	compare := func(a, b line) int {
		return cmp.Or(strings.Compare(a.dataset, b.dataset), strings.Compare(a.sample, b.sample), strings.Compare(a.channel, b.channel))
	}
	if slices.IsSortedFunc(lines, compare) {
		return content, nil
	}
	slices.SortStableFunc(lines, compare)
	head, _, _ := bytes.Cut(content, []byte("\n"))
	out := append(slices.Clone(head), '\n')
	for _, l := range lines {
		out = append(out, l.text...)
	}
	return out, nil
}

// digest leaves missing and unreadable files to the rules about files.
func digest(c *Ctx, r *metadata.Record) {
	name := cmp.Or(r.File, r.Native.File)
	if r.Size < 0 && r.SHA256 == "" || name == "" {
		return
	}
	f, err := c.Dataset.Open(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.Skip("a readable " + name)
		}
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		c.Skip("a readable " + name)
		return
	}
	if r.Size >= 0 && info.Size() != r.Size {
		reportField(c, r, "size", Finding{
			Message:  fmt.Sprintf("%s has %d bytes, the record states %d", name, info.Size(), r.Size),
			Expected: fmt.Sprint(r.Size), Actual: fmt.Sprint(info.Size()),
		})
		return
	}
	if r.SHA256 == "" {
		return
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		c.Skip("a readable " + name)
		return
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != r.SHA256 {
		reportField(c, r, "sha256", Finding{
			Message:  fmt.Sprintf("%s has not the SHA-256 that the record states", name),
			Expected: r.SHA256, Actual: got,
		})
	}
}
