package query

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/ledger"
)

// A Hit is a record that answers a question.
type Hit struct {
	lifecycle.Mark
	Event   audit.Event `json:"event"`
	Model   string      `json:"modelId,omitempty"`
	Version string      `json:"version,omitempty"`
	Run     string      `json:"runId,omitempty"`
	What    string      `json:"what"` // why it answers: "nuscenes (train)", "driver 535.129.03"
	// Faults are codes of what speaks against believing the record.
	Faults []string `json:"faults,omitempty"`
}

// Hits are the records that answer a question, in order.
type Hits struct {
	V      int                 `json:"v"` // 1
	Ledger *lifecycle.Snapshot `json:"ledger"`
	Asked  string              `json:"asked"`
	Hits   []Hit               `json:"hits"`
}

// TrainedOn lists the records that began or ended a training on a data set, by
// the root of its tree or content tree or by the digest of its manifest, in
// hexadecimal.
func (v *View) TrainedOn(ctx context.Context, digest string) (*Hits, error) {
	digest = strings.TrimPrefix(strings.ToLower(digest), "sha3_512:")
	asked, _ := fingerprint.ParseDigest(digest) // of no other is there a key
	return v.hits(ctx, "trained on "+digest, ledger.Key{Name: audit.KeyData, Value: digest}, func(p *audit.Predicate) string {
		if p.Event != audit.TrainStarted && !p.Event.EndsRun() {
			return ""
		}
		for _, d := range p.Data {
			f := &d.Fingerprint
			switch {
			case !slices.Contains([]fingerprint.Digest{f.Tree.Root, f.Content.Root, f.Manifest}, asked):
			case d.Role != "":
				return d.Name + " (" + d.Role + ")"
			default:
				return d.Name
			}
		}
		return ""
	})
}

// With lists the records of what was done with a tool of a version, or of one
// that begins with it: ("driver", "535") or ("driver", "535.*") for all of 535,
// ("cuda", "12.4"). Versions are compared part by part: 12.4 is not 12.40.
func (v *View) With(ctx context.Context, tool, version string) (*Hits, error) {
	version = strings.TrimRight(strings.TrimSuffix(version, "*"), ".-+")
	return v.hits(ctx, tool+" "+version, audit.ToolKey(tool, version), func(p *audit.Predicate) string {
		if p.Toolchain == nil {
			return ""
		}
		return tool + " " + p.Toolchain.Versions[tool]
	})
}

// Named lists the records that name something by digest: an artefact, a report,
// a list of files. The digest is hexadecimal, of SHA3-512 or SHA-256.
func (v *View) Named(ctx context.Context, digest string) (*Hits, error) {
	digest = strings.ToLower(digest)
	algorithm := "sha3_512"
	if len(digest) == 64 {
		algorithm = "sha256"
	}
	return v.hits(ctx, "named "+digest, ledger.Key{Name: audit.KeySubject, Value: algorithm + ":" + digest}, func(p *audit.Predicate) string {
		for _, a := range p.Outputs {
			if a.Digest[algorithm] == digest {
				return a.Name
			}
		}
		return lifecycle.Line(p)
	})
}

// hits finds records by a key. What says why a record answers; "" that it does
// not.
func (v *View) hits(ctx context.Context, asked string, key ledger.Key, what func(*audit.Predicate) string) (*Hits, error) {
	h := &Hits{V: 1, Ledger: v.Snapshot(), Asked: asked, Hits: []Hit{}}
	if key.Value == "" {
		return h, nil
	}
	for e, err := range v.l.Find(ctx, v.Size, 0, key) {
		if err != nil {
			return nil, err
		}
		r, err := audit.Open(e.Record)
		if err != nil {
			h.Hits = append(h.Hits, Hit{Mark: lifecycle.Mark{Index: e.Index}, What: err.Error(), Faults: []string{"invalid-record"}})
			continue
		}
		if w := what(r.Predicate()); w != "" {
			h.Hits = append(h.Hits, v.hit(e.Index, r, w))
		}
	}
	return h, nil
}

func (v *View) hit(index int64, r *audit.Record, what string) Hit {
	p := r.Predicate()
	hit := Hit{Mark: lifecycle.Mark{Index: index, Time: p.Time.Claimed}, Event: p.Event, Model: p.Model, Version: p.Version, Run: p.Run, What: what}
	for _, problem := range v.o.Judge.Judge(index, r).Problems {
		if code := string(problem.Code); !slices.Contains(hit.Faults, code) {
			hit.Faults = append(hit.Faults, code)
		}
	}
	return hit
}

// Since yields what happened from an index on, with a line for each record. Of
// heartbeats there may be many: without them unless they are asked for.
func (v *View) Since(ctx context.Context, from int64, heartbeats bool) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		for e, err := range v.l.Scan(ctx, v.Size, from) {
			if err != nil {
				yield(Hit{}, err)
				return
			}
			r, err := audit.Open(e.Record)
			if err != nil {
				if !yield(Hit{Mark: lifecycle.Mark{Index: e.Index}, What: err.Error(), Faults: []string{"invalid-record"}}, nil) {
					return
				}
				continue
			}
			if r.Predicate().Event == audit.TrainHeartbeat && !heartbeats {
				continue
			}
			if !yield(v.hit(e.Index, r, lifecycle.Line(r.Predicate())), nil) {
				return
			}
		}
	}
}

// Devices is what ran on a device, or on a type of device.
type Devices struct {
	V             int                      `json:"v"` // 1
	Ledger        *lifecycle.Snapshot      `json:"ledger"`
	Asked         string                   `json:"asked"`
	Installations []lifecycle.Installation `json:"installations"`
	Faults        []Hit                    `json:"faults,omitempty"` // records that are not to be believed
}

// Device tells what ran on a device, or on all of a type, and what runs there at
// the view's size. Without a record of it, it is ErrNone.
func (v *View) Device(ctx context.Context, device string) (*Devices, error) {
	all := records{}
	key := ledger.Key{Name: audit.KeyDevice, Value: device}
	if _, err := v.find(ctx, key, 0, 0, all, nil); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, none("device", device)
	}
	d := &Devices{V: 1, Ledger: v.Snapshot(), Asked: device}
	seen := map[ledger.Key]bool{}
	for _, r := range v.sorted(all) {
		if r.Record == nil {
			continue
		}
		p := r.Record.Predicate()
		if h := v.hit(r.Index, r.Record, lifecycle.Line(p)); len(h.Faults) > 0 {
			d.Faults = append(d.Faults, h)
		}
		// A version that was retired is in use nowhere.
		if key := audit.VersionKey(p.Model, p.Version); !seen[key] {
			seen[key] = true
			retired := func(p *audit.Predicate) bool { return p.Event == audit.Retired }
			if _, err := v.find(ctx, key, r.Index, 0, all, retired); err != nil {
				return nil, err
			}
		}
	}
	d.Installations = lifecycle.Installations(v.sorted(all))
	return d, nil
}
