package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
)

// documents holds what is there against every record that names it.
func (v *verifier) documents() {
	named := map[string]bool{}
	there, absent := 0, 0
	for _, r := range v.records {
		if r.err != nil {
			continue
		}
		for _, d := range r.Predicate().Documents() {
			file := documentFile(d.Attachment)
			got, ok := v.docs[file]
			if !ok && !named[file] {
				absent++
			}
			if ok && !named[file] {
				there++
			}
			named[file] = true
			if !ok {
				continue
			}
			if err := got.differs(d.Attachment); err != nil {
				v.r.fail(checkDocuments, file, "is not %q of record %d (%s): %v", d.Name, r.index, d.Member, err)
			}
		}
	}
	for file := range v.docs {
		if !named[file] {
			v.r.fail(checkDocuments, file, "no record names such a document")
		}
	}
	if there > 0 && v.r.good(checkDocuments) {
		v.r.note(checkDocuments, OK, "", "%s as the records name them", human.Count(there, "document"))
	}
	if absent > 0 {
		v.r.note(checkDocuments, Skipped, "", "%s that the records name: not in the bundle, but their digests are", human.Count(absent, "document"))
	}
	if len(named) == 0 {
		v.r.note(checkDocuments, OK, "", "the records name no documents")
	}
}

// ours reports whether a record belongs to what the bundle says that it has
// all of: the version that it is about, and keys and policy.
func (v *verifier) ours(p *audit.Predicate) bool {
	return p.Event.Scope() == audit.OfLedger || v.m != nil && v.m.Model != "" && p.Model == v.m.Model && p.Version == v.m.Version
}

// history follows the pointers from each record to the one before.
func (v *verifier) history() {
	at := map[int64]indexed{}
	for _, r := range v.records {
		at[r.index] = r
	}
	followed, outside, about := 0, 0, 0
	for _, r := range v.records {
		if r.err != nil {
			continue
		}
		p := r.Predicate()
		if v.m != nil && v.m.Model != "" && p.Model == v.m.Model && p.Version == v.m.Version {
			about++
		}
		if p.Prev == nil {
			continue
		}
		before, ok := at[p.Prev.Index]
		switch {
		case p.Prev.Index >= r.index:
			v.r.fail(checkHistory, recordFile(r.index), "names record %d as the one before itself", p.Prev.Index)
		case ok && audit.DigestOf(before.bytes) != p.Prev.Digest:
			v.r.fail(checkHistory, recordFile(r.index), "names as the one before a record %d with another SHA3-512 than the one here: it was written for another ledger, or before another record", p.Prev.Index)
		case ok:
			followed++
		case v.ours(p):
			v.r.fail(checkHistory, recordFile(r.index), "names record %d as the one before, which was left out", p.Prev.Index)
		default:
			outside++
		}
	}
	if v.m != nil && v.m.Model != "" && about == 0 {
		v.r.fail(checkHistory, manifestFile, "no record is about %q, version %q, as it says", v.m.Model, v.m.Version)
	}
	if v.r.good(checkHistory) {
		v.r.note(checkHistory, OK, "", "%s to the record before, each there", human.Count(followed, "pointer"))
	}
	if outside > 0 {
		v.r.note(checkHistory, Skipped, "", "%s of other versions that name one before which the bundle does not hold", human.Count(outside, "record"))
	}
}

// complete says what may be missing.
func (v *verifier) complete() {
	switch {
	case v.head.Note == nil || !v.r.good(checkRecords):
		v.r.note(checkComplete, Skipped, "", "needs records that are in the tree")
	case int64(len(v.records)) == v.head.Size:
		v.r.note(checkComplete, OK, "", "the bundle holds all %d records of the ledger", v.head.Size)
	default:
		v.r.note(checkComplete, Skipped, "", "a bundle of %d records of %d cannot show that the others do not matter, such as a revoked key: ask the ledger, or for a bundle of all its records", len(v.records), v.head.Size)
	}
}

// life computes the life of the version again.
func (v *verifier) life() {
	if v.m == nil || v.m.Model == "" {
		return
	}
	if v.k == nil || v.k.Genesis() == "" {
		v.r.note(checkLife, Skipped, "", "needs a valid first record of the ledger")
		return
	}
	l := lifecycle.Life{Model: v.m.Model, Version: v.m.Version}
	verdicts := map[int64]trust.Verdict{}
	for _, r := range v.r.Records {
		verdicts[r.Index] = r.Verdict
	}
	for _, r := range v.records {
		if r.ofLedger() {
			continue
		}
		l.Records = append(l.Records, lifecycle.Record{
			Index: r.index, Bytes: r.bytes, Record: r.Record, Err: r.err,
			Verdict: verdicts[r.index], Policy: v.k.PolicyAt(r.index),
		})
	}
	t := l.Timeline()
	t.Ledger = &lifecycle.Snapshot{Origin: v.head.Origin, Size: v.head.Size, Root: v.head.Root.String()}
	v.r.Life = t
	if t.OK() && t.Counts.Warnings == 0 {
		v.r.note(checkLife, OK, "", "version %q of %q is %s; nothing is missing or out of order", t.Version, t.Model, t.State)
		return
	}
	v.r.note(checkLife, Noted, "", "version %q of %q is %s; its life has %s and %s", t.Version, t.Model, t.State, human.Count(t.Counts.Errors, "error"), human.Count(t.Counts.Warnings, "warning"))
}

// manifest makes bundle.json again from the members and compares.
func (v *verifier) manifest() {
	if v.m == nil || v.head.Note == nil {
		v.r.note(checkManifest, Skipped, "", "needs a manifest and a checkpoint that can be read")
		return
	}
	// Which members there are was told by contents, once.
	want := derive(v.m.Question, v.m.Model, v.m.Version, v.head, v.records, v.m.Extra, v.m.Files)
	want.Documents, want.Absent = documents(v.records, func(file string) bool { _, ok := v.docs[file]; return ok })
	text, err := want.marshal()
	if err != nil {
		v.r.fail(checkManifest, manifestFile, "%v", err)
		return
	}
	if at, err := differ(v.raw, text); err != nil {
		v.r.fail(checkManifest, manifestFile, "line %d: %v", at, err)
		return
	}
	for _, name := range v.m.Extra {
		if !slices.ContainsFunc(v.files, func(f File) bool { return f.Name == name }) || checkExtra(name) != nil {
			v.r.fail(checkManifest, manifestFile, "names an extra file %q, which is not there", name)
		}
	}
	if !slices.IsSortedFunc(v.m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) }) {
		v.r.fail(checkManifest, manifestFile, "its files are not in order")
	}
	if v.r.good(checkManifest) {
		v.r.note(checkManifest, OK, "", "says of ledger, records and documents what follows from them")
	}
}

// differ gives the first line, from 1, in which two texts differ.
func differ(is, want []byte) (line int, err error) {
	a, b := bytes.SplitAfter(is, []byte("\n")), bytes.SplitAfter(want, []byte("\n"))
	for i := range max(len(a), len(b)) {
		var x, y []byte
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		switch {
		case bytes.Equal(x, y):
		case len(y) == 0:
			return i + 1, fmt.Errorf("is %.200q, and nothing should be there", bytes.TrimSpace(x))
		default:
			return i + 1, fmt.Errorf("is %.200q, and should be %.200q", bytes.TrimSpace(x), bytes.TrimSpace(y))
		}
	}
	if len(is) != len(want) {
		return 0, errors.New("differs in white space")
	}
	return 0, nil
}

// rest names what proves nothing, so that nobody takes it for proven.
func (v *verifier) rest() {
	var all []string
	for _, f := range v.files {
		if f.Name == readmeFile || !ourNames().MatchString(f.Name) {
			all = append(all, f.Name)
		}
	}
	if v.m != nil && v.m.Question != "" {
		all = append(all, "the question")
	}
	if len(all) > 0 {
		v.r.note(checkRest, Noted, "", "%s: words of whoever made the bundle, which prove nothing", strings.Join(all, ", "))
	}
}
