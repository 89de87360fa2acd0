package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var ummFields = []Rule{
	{
		ID: "UMM001", Slug: "record-missing", Severity: rule.Error,
		Summary: "Every channel of every annotated sample has a metadata record.",
		Why:     "Without a record nothing says which moment a file observed, nor how late it was: formats of one drive cannot be compared, and samples cannot be fused.",
		Example: "a data set without .mm/, or a sidecar without a line for image_02 of frame 0000000004",
		Hint:    "run `mmvalidate annotate DIR` to see what would be written, and `--write` to write it; `--ignore UMM` checks the formats alone",
		Checks:  []Check{rule.On(unannotated), rule.On(missingRecords)},
	},
	{
		ID: "UMM002", Slug: "sync-id-missing", Severity: rule.Error,
		Summary: "Every record has a sensor_sync_id that is neither null nor empty.",
		Why:     "It is the only name that a moment has in all formats; a record without it cannot be joined.",
		Example: `"sensor_sync_id":null`,
		Hint:    "run `mmvalidate annotate DIR --write`, or copy the id of the sample's other channels",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			if r.SyncID.Missing() {
				report(c, r, r.SyncID, Finding{Message: "sensor_sync_id is " + state(r.SyncID)})
			}
		})},
	},
	{
		ID: "UMM003", Slug: "sync-id-not-uuid", Severity: rule.Error,
		Summary: "sensor_sync_id is a UUID in the text form of RFC 9562: 36 lower-case characters.",
		Why:     "Ids are compared as text by other tools: braces, urn: or upper case make two names of one moment.",
		Example: `"sensor_sync_id":"{BEFDBD7E-78BC-5F67-85E2-27733C527CFD}"`,
		Hint:    "write 36 lower-case characters; `mmvalidate fix` converts upper case",
		Checks:  []Check{onRecord(notUUID)},
		Fix:     lowerIDs,
	},
	{
		ID: "UMM005", Slug: "sync-id-version", Severity: rule.Warning,
		Summary: "sensor_sync_id has an allowed UUID version (sync_id.versions, 4, 5 and 7 by default) and the variant of RFC 9562.",
		Why:     "Versions 1 and 6 contain the machine's address, and a random string with dashes is no UUID that anyone can derive.",
		Example: `"sensor_sync_id":"befdbd7e-78bc-1f67-85e2-27733c527cfd"`,
		Hint:    "derive ids with version 5 (docs/formats.md), or allow the version in sync_id.versions",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			id, ok := r.ID()
			if !ok || id == uuid.Nil || id == uuid.Max || allowedVersion(c, id) {
				return
			}
			f := Finding{Actual: fmt.Sprintf("version %d", id.Version()), Expected: fmt.Sprintf("version %s", list(c.Params.SyncID.Versions))}
			f.Message = fmt.Sprintf("sensor_sync_id %s has version %d", id, id.Version())
			if id.Variant() != uuid.RFC4122 {
				f.Message = fmt.Sprintf("sensor_sync_id %s has not the variant of RFC 9562", id)
				f.Expected, f.Actual = "variant bits 10", fmt.Sprintf("variant bits of %q", id.String()[19:20])
			}
			report(c, r, r.SyncID, f)
		})},
	},
	{
		ID: "UMM006", Slug: "offset-missing", Severity: rule.Error,
		Summary: "Every record has a temporal_offset_ns that is not null.",
		Why:     "An unknown offset is not 0: a reader that assumes so misplaces a moving car by its speed times the offset.",
		Example: `"temporal_offset_ns":null`,
		Hint:    "run `mmvalidate annotate DIR --write`; KITTI object needs --raw DIR, where the stamps are",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			if r.Offset.Kind == 0 || r.Offset.Kind == jsonrow.Null {
				report(c, r, r.Offset, Finding{Message: "temporal_offset_ns is " + state(r.Offset)})
			}
		})},
	},
	{
		ID: "UMM007", Slug: "offset-not-int64", Severity: rule.Error,
		Summary: "temporal_offset_ns is a JSON integer literal within int64.",
		Why:     "A fraction or an exponent went through a floating-point number, which rounds stamps to 238 ns; a string is read by some tools and refused by others.",
		Example: `"temporal_offset_ns":-6.135296e6`,
		Hint:    "write the nanoseconds as plain digits, with - in front if negative",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			if r.Offset.Kind == 0 || r.Offset.Kind == jsonrow.Null || r.Offset.Kind == jsonrow.NonFinite {
				return
			}
			if _, ok := r.Recorded(); !ok {
				report(c, r, r.Offset, Finding{
					Message:  fmt.Sprintf("temporal_offset_ns is %s, %s", r.Offset.Literal(), notInt64(r.Offset)),
					Expected: "integer literal within int64", Actual: r.Offset.Literal(),
				})
			}
		})},
	},
	{
		ID: "UMM008", Slug: "schema-missing", Severity: rule.Error,
		Summary: "Every record has a modality_schema, its own or an inherited one.",
		Why:     "Without it a reader guesses whether a box is given by its centre or by its base.",
		Example: "a record without modality_schema, while neither header nor descriptor states it",
		Hint:    "state modality_schema in the record, or once in the header line",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			if r.Schema.Missing() {
				report(c, r, r.Schema, Finding{Message: "modality_schema is " + state(r.Schema) + ", and no parent states it", Expected: string(r.Group.Schema)})
			}
		})},
	},
	{
		ID: "UMM009", Slug: "schema-unknown", Severity: rule.Error,
		Summary: "modality_schema is one of the values of the standard, or of modality_schema.extra in the configuration.",
		Why:     "Readers choose their parser by this value: a misspelt one is skipped or refused.",
		Example: `"modality_schema":"kitti-v2.1"`,
		Hint:    "use a value of docs/formats.md, or add yours to modality_schema.extra",
		Checks: []Check{
			onRecord(func(c *Ctx, r *metadata.Record) {
				if r.Schema.Column > 0 {
					schemaUnknown(c, r.Schema, func(f Finding) { report(c, r, r.Schema, f) })
				}
			}),
			rule.On(func(c *Ctx, p *metadata.Parent) {
				if p.Known() && p.Schema.Kind != 0 {
					schemaUnknown(c, p.Schema, func(f Finding) { reportParent(c, p, f) })
				}
			}),
		},
	},
	{
		ID: "UMM010", Slug: "schema-mismatch", Severity: rule.Error,
		Summary: "modality_schema is the format that the data set was detected to have.",
		Why:     "Boxes read with the conventions of another format are wrong in place, size and heading.",
		Example: `"modality_schema":"nuscenes_v1.0" in the sidecar of a KITTI drive`,
		Hint:    "correct the value; `mmvalidate detect DIR` says why the format was detected",
		Checks: []Check{
			onRecord(func(c *Ctx, r *metadata.Record) {
				if r.Schema.Column > 0 {
					schemaMismatch(c, r.Schema, func(f Finding) { report(c, r, r.Schema, f) })
				}
			}),
			rule.On(func(c *Ctx, p *metadata.Parent) {
				if p.Known() {
					schemaMismatch(c, p.Schema, func(f Finding) { reportParent(c, p, f) })
				}
			}),
		},
	},
}

// onRecord subscribes to the records that describe a channel: an orphan and
// the second of two have one fault, and no other is looked for.
func onRecord(f func(c *Ctx, r *metadata.Record)) Check {
	return rule.On(func(c *Ctx, r *metadata.Record) {
		if r.Moment != nil && r.Twin == nil {
			f(c, r)
		}
	})
}

// report points a finding at a value of a record.
func report(c *Ctx, r *metadata.Record, v metadata.Value, f Finding) {
	f.Place = r.Place
	if v.Column > 0 {
		f.Column = v.Column
		f.ByteOffset += int64(v.Column - 1)
	}
	f.Key = r.Sample + " " + r.Channel
	c.Report(f)
}

func reportParent(c *Ctx, p *metadata.Parent, f Finding) {
	f.Place = p.Place
	if p.Schema.Column > 0 && f.Column == 0 {
		f.Column = p.Schema.Column
	}
	if f.Key == "" {
		f.Key = p.What + " " + p.Dataset
	}
	c.Report(f)
}

func state(v metadata.Value) string {
	switch v.Kind {
	case 0:
		return "missing"
	case jsonrow.String:
		return "empty"
	}
	return "null"
}

func unannotated(c *Ctx, u *metadata.Unannotated) {
	c.Report(Finding{
		Message:  fmt.Sprintf("no sidecar describes the %s in %s of this data set", human.Count(u.Channels, "file"), human.Count(u.Samples, "annotated sample")),
		Place:    Place{Path: metadata.Dir},
		Expected: "sidecars in .mm/" + metadata.Name(c.Dataset), Actual: "none",
		Key: "none",
	})
}

func missingRecords(c *Ctx, g *metadata.Group) {
	if g.Unread != "" {
		c.SkipFor(g.Unread, g.Path)
		return
	}
	type gap struct {
		s *metadata.Sample
		i int
	}
	var gaps []gap
	files := 0
	for _, s := range g.Samples {
		if !s.Demanded {
			continue
		}
		for i, o := range s.Channels {
			if o.File == "" {
				continue
			}
			files++
			if s.Records[i] == nil && !orphaned(g, s.Sample, o.Channel) {
				gaps = append(gaps, gap{s, i})
			}
		}
	}
	if len(gaps) == files && files > 0 && g.Header == nil {
		c.Report(Finding{
			Message: fmt.Sprintf("no sidecar describes the %s in %s of %s", human.Count(files, "file"), human.Count(len(g.Samples), "sample"), g.Name),
			Place:   Place{Path: g.Path}, Key: g.Name,
		})
		return
	}
	for _, m := range gaps {
		o := m.s.Channels[m.i]
		p := o.Place
		c.Report(Finding{
			Message: fmt.Sprintf("no record describes channel %s of sample %s", o.Channel, m.s.Sample),
			Place:   p, Key: m.s.Sample + " " + o.Channel,
			Related: []Place{{Path: g.Path}},
		})
	}
}

// orphaned reports whether a record meant a channel but was refused for the
// file that it names.
func orphaned(g *metadata.Group, sample, channel string) bool {
	return slices.ContainsFunc(g.Orphans, func(r *metadata.Record) bool { return r.Sample == sample && r.Channel == channel })
}

func notUUID(c *Ctx, r *metadata.Record) {
	v := r.SyncID
	if v.Missing() || v.Kind == jsonrow.NonFinite {
		return
	}
	if v.Kind == jsonrow.String {
		id, upper, ok := metadata.ParseID(v.Text)
		switch {
		case ok && !upper:
			return
		case ok:
			report(c, r, v, Finding{
				Severity: rule.Warning, Message: fmt.Sprintf("sensor_sync_id %s is not in lower case", v.Text),
				Expected: id.String(), Actual: v.Text, Hint: "`mmvalidate fix --write` converts it",
			})
			return
		}
	}
	f := Finding{
		Message:  fmt.Sprintf("sensor_sync_id %s is not a UUID of 36 characters", v.Literal()),
		Expected: "UUID such as befdbd7e-78bc-5f67-85e2-27733c527cfd", Actual: v.Literal(),
	}
	if id, err := uuid.Parse(v.Text); err == nil && v.Kind == jsonrow.String {
		f.Message = fmt.Sprintf("sensor_sync_id %s has braces, a prefix or no dashes", v.Literal())
		f.Expected = id.String()
	}
	report(c, r, v, f)
}

// lowerIDs converts upper-case ids of sidecars and single records.
func lowerIDs(path string, content []byte) ([]byte, error) {
	if !isSidecar(path) {
		return content, nil
	}
	var p jsonrow.Parser
	out := slices.Clone(content)
	at := 0
	for line := range strings.Lines(string(content)) {
		if obj, err := p.Object([]byte(line), int64(at)); err == nil {
			if f := obj.Field("sensor_sync_id"); f != nil && f.Kind == jsonrow.String && len(f.Raw) == 38 {
				if id, upper, ok := metadata.ParseID(string(f.Raw[1:37])); ok && upper {
					copy(out[f.Offset+1:], id.String())
				}
			}
		}
		at += len(line)
	}
	return out, nil
}

// isSidecar reports whether a path is that of a file that this project's
// annotate writes, or of a single record.
func isSidecar(path string) bool {
	return strings.HasPrefix(path, metadata.Dir+"/") && strings.HasSuffix(path, ".jsonl") && path != metadata.SyncMapFile ||
		strings.HasSuffix(path, ".mm.json")
}

func allowedVersion(c *Ctx, id uuid.UUID) bool {
	return id.Variant() == uuid.RFC4122 && slices.Contains(c.Params.SyncID.Versions, int(id.Version()))
}

func list(n []int) string {
	var s []string
	for _, v := range n {
		s = append(s, strconv.Itoa(v))
	}
	return strings.Join(s, ", ")
}

// notInt64 says what is wrong with a literal.
func notInt64(v metadata.Value) string {
	switch {
	case v.Kind == jsonrow.String:
		return "a string"
	case v.Kind != jsonrow.Number:
		return "not a number"
	case strings.ContainsAny(v.Text, "eE"):
		return "written with an exponent"
	case strings.Contains(v.Text, "."):
		return "written with a fraction"
	case v.Text == "-0":
		return "a negative zero"
	}
	return "beyond int64"
}

func schemaUnknown(c *Ctx, v metadata.Value, report func(Finding)) {
	if v.Missing() || knownSchema(c, v) {
		return
	}
	var names []string
	for _, s := range dataset.Schemas {
		names = append(names, string(s))
	}
	names = append(names, c.Params.Modality.Extra...)
	slices.Sort(names)
	f := Finding{
		Message:  fmt.Sprintf("modality_schema %s is not in the standard", v.Literal()),
		Expected: "one of " + strings.Join(names, ", "), Actual: v.Literal(),
	}
	if s := suggest.Nearest(v.Text, names); s != "" && v.Kind == jsonrow.String {
		f.Hint = fmt.Sprintf("did you mean %q?", s)
	}
	report(f)
}

func knownSchema(c *Ctx, v metadata.Value) bool {
	return v.Kind == jsonrow.String &&
		(slices.Contains(dataset.Schemas, dataset.Schema(v.Text)) || slices.Contains(c.Params.Modality.Extra, v.Text))
}

// schemaMismatch leaves values of the configuration alone: nothing is known
// of what they look like.
func schemaMismatch(c *Ctx, v metadata.Value, report func(Finding)) {
	if v.Missing() || !knownSchema(c, v) || slices.Contains(c.Params.Modality.Extra, v.Text) || v.Text == string(c.Dataset.Schema) {
		return
	}
	report(Finding{
		Message:  fmt.Sprintf("modality_schema is %s, but the data set was detected as %s", v.Text, c.Dataset.Schema),
		Expected: string(c.Dataset.Schema), Actual: v.Text,
	})
}
