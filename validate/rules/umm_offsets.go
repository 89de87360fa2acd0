package rules

import (
	"fmt"
	"math"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var ummOffsets = []Rule{
	{
		ID: "UMM016", Slug: "offset-mismatch", Severity: rule.Error,
		Formats: formats{kittiRaw, nuScenes, lyft, t4},
		Summary: "temporal_offset_ns is exactly what the native timestamps say (within 250 ns for Lyft, whose stamps are fractions of microseconds).",
		Why:     "A record that contradicts the stamps is wrong or was made for other data; motion compensation with it moves points the wrong way.",
		Example: `"temporal_offset_ns":-6635296 where timestamps.txt gives -6135296`,
		Hint:    "run `mmvalidate annotate DIR` to see what the stamps give",
		Checks:  []Check{onVerdict(wrong)},
	},
	{
		ID: "UMM017", Slug: "reference-offset", Severity: rule.Error,
		Summary: "temporal_offset_ns of the reference channel is 0.",
		Why:     "Offsets are measured against the reference; if it has one itself, all others are off by as much, or it is not the reference.",
		Example: `"channel":"image_00","temporal_offset_ns":512`,
		Hint:    "write 0, or name the channel that is the reference in mm_dataset.json",
		Checks:  []Check{onVerdict(referenceNotZero)},
	},
	{
		ID: "UMM019", Slug: "offset-implausible", Severity: rule.Warning,
		Summary: "temporal_offset_ns lies in the window of its channel (sync.windows; 100 ms either way where nothing is known).",
		Why:     "A sensor that is triggered with the others cannot lie a frame period away from them: the pairing of frames is off by one or more.",
		Example: `"channel":"velodyne","temporal_offset_ns":250000000`,
		Hint:    "check the pairing of frames; set sync.windows for a rig with other windows, or let `mmvalidate annotate --learn-windows` learn them",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			v, ns := judge(r)
			if v != unknownStamps && v != right || r.IsReference() {
				return
			}
			schema := c.Dataset.Schema
			if v == right && judgedByStamps(schema, r.Channel, ns) || v == unknownStamps && byWindow(c.Params, schema, r.Channel, ns) != outside {
				return
			}
			lo, hi := window(c.Params, schema, r.Channel)
			if ms := float64(ns) / 1e6; ms < lo || ms > hi {
				reportOffset(c, r, Finding{
					Message:  fmt.Sprintf("%s lies %s from the reference, outside its window", r.Channel, human.Duration(ns)),
					Expected: fmt.Sprintf("%g to %g ms", lo, hi), Actual: fmt.Sprintf("%g ms", ms),
				})
			}
		})},
	},
	{
		ID: "UMM020", Slug: "offset-unit", Severity: rule.Error,
		Summary: "temporal_offset_ns is in nanoseconds. (Where there are no stamps, the window of the channel tells.)",
		Why:     "A value in another unit is wrong by a factor of a thousand or more and still looks plausible.",
		Example: `"temporal_offset_ns":-6135 where the stamps give -6135296: microseconds`,
		Hint:    "multiply by the unit",
		Checks:  []Check{onVerdict(wrongUnit)},
	},
	{
		ID: "UMM021", Slug: "offset-sign", Severity: rule.Error,
		Summary: "temporal_offset_ns is t_channel - t_reference: positive means later than the reference. (Where there are no stamps, the window of the channel tells.)",
		Why:     "With the sign turned round, compensation doubles the error instead of removing it.",
		Example: `"temporal_offset_ns":6135296 for a camera that fired 6.1 ms before the reference`,
		Hint:    "change the sign",
		Checks:  []Check{onVerdict(wrongSign)},
	},
	{
		ID: "UMM022", Slug: "offset-float-rounded", Severity: rule.Warning,
		Formats: formats{kittiRaw},
		Summary: "temporal_offset_ns was computed from integer nanoseconds, not from floating-point seconds.",
		Why:     "Float64 seconds since 1970 have a step of 238 ns: the record is off by a little, and so is everything else that the same code computed.",
		Example: `"temporal_offset_ns":-16638756 where the stamps give -16638787`,
		Hint:    "parse the nine fraction digits as an integer; `mmvalidate annotate` does",
		Checks:  []Check{onVerdict(floatRounded)},
	},
	{
		ID: "UMM023", Slug: "offset-resolution", Severity: rule.Warning,
		Formats: formats{nuScenes, t4},
		Summary: "temporal_offset_ns is a multiple of 1000, since the native clock counts microseconds.",
		Why:     "Digits below the clock's step are invented: the value went through floating point or was measured elsewhere.",
		Example: `"temporal_offset_ns":-35491000 recorded as -35490998`,
		Hint:    "compute (sample_data.timestamp - sample.timestamp) * 1000 in integers",
		Checks:  []Check{onVerdict(belowResolution)},
	},
	{
		ID: "UMM024", Slug: "offset-all-zero", Severity: rule.Warning,
		Summary: "The offsets of a drive or scene of ten or more moments are not all 0.",
		Why:     "Sensors do not fire in the same nanosecond: 0 was written because nobody looked.",
		Example: `every record of scene-0061 with "temporal_offset_ns":0`,
		Hint:    "run `mmvalidate annotate DIR --write` to derive the offsets from the stamps",
		Checks: []Check{rule.On(func(c *Ctx, g *metadata.Group) {
			if g.Placeholder {
				c.Report(Finding{
					Message: fmt.Sprintf("every offset of %s is 0 over %s: a placeholder", g.Name, human.Count(len(g.Samples), "moment")),
					Place:   Place{Path: g.Path}, Key: g.Name,
				})
			}
		})},
	},
}

// onVerdict reports the records whose offset is judged to be v.
func onVerdict(v verdict) Check {
	return onRecord(func(c *Ctx, r *metadata.Record) {
		got, recorded := judge(r)
		if got == unknownStamps && v == wrong {
			c.Skip("native stamps of " + r.Group.Name)
			return
		}
		if got == unknownStamps {
			got = byWindow(c.Params, c.Dataset.Schema, r.Channel, recorded)
		}
		if got == unknownStamps && v == belowResolution && recorded%max(r.Native.Resolution, 1) != 0 {
			got = v
		}
		if got != v {
			return
		}
		computed, ok := r.Recomputed()
		f := Finding{Expected: fmt.Sprint(computed), Actual: fmt.Sprint(recorded)}
		if !ok {
			lo, hi := window(c.Params, c.Dataset.Schema, r.Channel)
			f.Expected = fmt.Sprintf("%g to %g ms", lo, hi)
		}
		switch v {
		case wrong:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d (%s apart)", r.Channel, recorded, computed, human.Duration(int64(min(distance(recorded, computed), math.MaxInt64))))
		case referenceNotZero:
			f.Message, f.Expected = fmt.Sprintf("the reference %s has offset %d", r.Channel, recorded), "0"
		case wrongUnit:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d: the %d ns that the stamps give, in %s", r.Channel, recorded, computed, unit(recorded, computed))
			if !ok {
				f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d: it lies in its window if it is taken for another unit than nanoseconds", r.Channel, recorded)
			}
		case wrongSign:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d: the sign is turned round", r.Channel, recorded, computed)
			if !ok {
				f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, and only %d lies in its window: the sign is turned round", r.Channel, recorded, -recorded)
			}
		case floatRounded:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d: it went through floating-point seconds", r.Channel, recorded, computed)
		case belowResolution:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, no multiple of the clock's step of %d ns", r.Channel, recorded, r.Native.Resolution)
		}
		reportOffset(c, r, f)
	})
}

func reportOffset(c *Ctx, r *metadata.Record, f Finding) { report(c, r, r.Offset, f) }
