package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/ledger"
)

// room is the most bytes of a statement that fills a record together with 16
// signatures, the most that a policy asks for.
const room = (ledger.MaxRecord - 16*256) / 4 * 3

// Fit makes a predicate small enough for a record. Lists that are too long are
// kept whole, as documents, and the record has their beginnings: see [audit.Cut].
// What has no end elsewhere, such as labels, stays, so that audit.Seal may refuse
// the predicate still. Fit comes after Redact.
//
// An error is one of keeping a document; the predicate was made to fit
// nevertheless, and says that the whole is not there.
func Fit(ctx context.Context, p *audit.Predicate, blobs store.Blobs) error {
	most := room
	if p.ID != "" {
		// The same event must be cut alike when it is recorded again, whatever
		// its toolchain, its gaps and the record before are then.
		most -= 4096 - jsonSize(p.Gaps) - jsonSize(p.Prev)
		if p.Toolchain != nil {
			most -= toolchain.MaxSummary + 4096 - jsonSize(p.Toolchain)
		}
	}
	var failed []error
	for _, l := range lists(p) {
		if size(p) <= most {
			break
		}
		failed = append(failed, l.cut(ctx, p, blobs, most))
	}
	return errors.Join(failed...)
}

// Foresee finds what would be wrong with a record that is complete but for data
// sets and artefacts, by the paths of outputs, before hours are spent on hashing
// them or on a run: names that hold secrets (ErrSecret), what is missing or
// malformed (audit.ErrInvalid), and more than a record can hold
// (ledger.ErrTooLarge).
func Foresee(ctx context.Context, p *audit.Predicate, data []DataSource, outputs []string) error {
	q := *p
	if p.Params != nil {
		q.Params = new(*p.Params)
	}
	if p.Process != nil {
		q.Process = new(*p.Process)
	}
	q.Cut, q.Data, q.Outputs = nil, nil, nil
	q.Prev = &audit.Prev{Index: math.MaxInt64, Digest: anyDigest["sha3_512"]}
	for _, d := range data {
		name, err := nameOf(d.Name, d.Path)
		if err != nil {
			return err
		}
		q.Data = append(q.Data, d.largest(name))
	}
	for _, path := range outputs {
		name, err := nameOf("", path)
		if err != nil {
			return err
		}
		q.Outputs = append(q.Outputs, audit.Artifact{Name: name, Kind: "file", Size: math.MaxInt64, Digest: anyDigest})
	}
	if err := secretNames(&q); err != nil {
		return err
	}
	if err := Fit(ctx, &q, store.Blobs{}); err != nil {
		return err
	}
	if _, err := q.Encode(); err != nil {
		return err
	}
	if excess := size(&q) - room; excess > 0 {
		return fmt.Errorf("%w: it would have %d too many", ledger.ErrTooLarge, excess)
	}
	return nil
}

// anyDigest has the size of every digest.
var anyDigest = audit.DigestSet{"sha3_512": strings.Repeat("f", 128), "sha256": strings.Repeat("f", 64)}

// largest is the record of a data set of that name which has the most bytes.
func (d DataSource) largest(name string) audit.Dataset {
	head := fingerprint.Head{Leaves: math.MaxUint64, Bytes: math.MaxUint64, Unreadable: math.MaxUint64}
	out := audit.Dataset{
		Name: name, Role: d.Role, Source: d.Source, AcquiredAt: d.AcquiredAt, Medium: d.Medium,
		Sampling: d.Sampling, Licence: d.Licence, Classification: d.Classification,
		Fingerprint: fingerprint.Result{
			Status: fingerprint.Complete, Tree: head, Content: head, Files: math.MaxUint64, Bytes: math.MaxUint64,
			Symlinks: math.MaxUint64, Folders: math.MaxUint64, EmptyFolders: math.MaxUint64,
			HardLinks: math.MaxUint64, Cached: math.MaxUint64, CacheOff: strings.Repeat("x", 100),
		},
	}
	if !d.NoListing {
		out.Listing = &audit.Attachment{
			Name: name + ".listing.jsonl", MediaType: "application/x-ndjson", Size: math.MaxInt64,
			Digest: anyDigest,
		}
	}
	return out
}

// size is that of the predicate's statement, in bytes, or a little more: JSON has
// longer forms of some signs than canonical JSON.
func size(p *audit.Predicate) int {
	return jsonSize(p) + jsonSize(p.Outputs) + 512 // outputs are subjects too
}

func jsonSize(v any) int {
	text, err := encode(v)
	if err != nil {
		return 0 // such as a number that JSON does not have: Encode says so
	}
	return len(text)
}

// encode gives v as JSON, with hardly a sign longer than in canonical JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// A list is a member of a predicate that may be long.
type list struct {
	member  string
	items   int
	value   any
	shorten func(size int) // to so many bytes of JSON, but not to nothing
}

// lists gives the long members in the order in which they are cut: what says
// least comes first.
func lists(p *audit.Predicate) []list {
	var all []list
	if x := p.Process; x != nil {
		all = append(all, list{"process.argv", len(x.Argv), x.Argv, shortener(&x.Argv, firstArgs)})
	}
	if q := p.Params; q != nil {
		all = append(
			all,
			list{"params.flags", len(q.Flags), q.Flags, shortener(&q.Flags, first)},
			list{"params.redacted", len(q.Redacted), q.Redacted, shortener(&q.Redacted, first)},
			list{"params.files", len(q.Files), q.Files, shortener(&q.Files, first)},
		)
	}
	return append(
		all,
		list{"gaps", len(p.Gaps), p.Gaps, shortener(&p.Gaps, first)},
		list{"outputs", len(p.Outputs), p.Outputs, shortener(&p.Outputs, first)},
	)
}

func shortener[T any](at *[]T, first func([]T, int) []T) func(int) {
	whole := *at
	return func(size int) { *at = first(whole, size) }
}

// least are the bytes of a list that a record has whatever happens.
const least = 1024

// cut keeps the list as a document, and shortens it until the predicate has at
// most so many bytes, or the list is at its least.
func (l list) cut(ctx context.Context, p *audit.Predicate, blobs store.Blobs, most int) error {
	whole, err := encode(l.value)
	n := len(whole)
	if err != nil || n <= least {
		return err
	}
	cut := audit.Cut{Member: l.member, Items: l.items}
	cut.Whole, err = blobs.Put(ctx, l.member+".json", "application/json", bytes.NewReader(whole))
	if err != nil {
		err = fmt.Errorf("the whole of %s could not be kept: %w", l.member, err)
	}
	p.Cut = append(p.Cut, cut)
	for excess := size(p) - most; excess > 0 && n > least; excess = size(p) - most {
		n = max(least, n-(excess+1)/2) // artefacts are in a statement twice
		l.shorten(n)
	}
	return err
}

// first gives the items at the beginning of a list that have at most so many
// bytes, and one in any case.
func first[T any](all []T, most int) []T {
	for i, v := range all {
		if most -= jsonSize(v) + 1; most < 0 {
			return slices.Clip(all[:max(i, 1)])
		}
	}
	return all
}

// firstArgs is first for arguments, one of which alone may be too long: it ends
// with … then.
func firstArgs(all []string, most int) []string {
	out := first(all, most)
	left := most
	for _, arg := range out {
		left -= jsonSize(arg) + 1
	}
	if len(out) < len(all) && left > 64 {
		return append(out, shortened(all[len(out)], left))
	}
	if left < 0 { // a single one
		return []string{shortened(out[0], most)}
	}
	return out
}

func shortened(arg string, most int) string {
	for n := min(len(arg), most); ; n /= 2 {
		for n > 0 && n < len(arg) && !utf8.RuneStart(arg[n]) {
			n--
		}
		if s := arg[:n] + "…"; n < len(arg) && (jsonSize(s) <= most || n == 0) {
			return s
		}
	}
}
