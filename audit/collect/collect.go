// Package collect gathers what a record says: it fingerprints data and
// artefacts, reads hyper-parameters, captures the toolchain, keeps the documents
// that the record names, and takes out secrets.
//
// What it guarantees: what could not be collected is an error, or stands in the
// record as a gap; nothing is left out without a word. Hyper-parameters are
// redacted before they are hashed or kept. A predicate that passed
// [Redact] holds no text that looks like a secret.
package collect

import (
	"context"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/ledger"
)

// A Collector collects for one record. Its methods may be called concurrently.
type Collector struct {
	// SiteKey keys what is left of redacted values, and the secrets of trees
	// over hyper-parameters; see store.SiteKey.
	SiteKey []byte
	// Blobs keep the documents; the zero value keeps nothing.
	Blobs store.Blobs
	// Fingerprint says how folders are hashed. Manifest, Listing and SHA256 are
	// set for each folder.
	Fingerprint fingerprint.Options

	redactor *redact.Redactor
}

// New makes a Collector.
func New(siteKey []byte, blobs store.Blobs) (*Collector, error) {
	r, err := redact.New(siteKey)
	if err != nil {
		return nil, err
	}
	return &Collector{SiteKey: siteKey, Blobs: blobs, redactor: r}, nil
}

// Begin gives a predicate of an event that happens now, for the ledger of that
// name.
func Begin(origin string, e audit.Event, actor audit.Actor) *audit.Predicate {
	return &audit.Predicate{V: 1, Event: e, Origin: origin, Time: Now(), Actor: actor}
}

// Now observes the time, whether the system holds its clock for synchronised,
// and the boot that the process runs in.
func Now() audit.Time {
	return audit.Time{Claimed: audit.FormatTime(time.Now()), Synced: synced(), BootID: bootID()}
}

// Prev finds the newest record of a version, nil if there is none. It looks at
// the end of the ledger first: a version that is being worked on has records
// there, and to read all of its life would take longer with each.
func Prev(ctx context.Context, l ledger.Ledger, model, version string) (*audit.Prev, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	key := audit.VersionKey(model, version)
	for to, width := head.Size, int64(16); to > 0; width *= 16 {
		from := max(0, head.Size-width)
		var prev *audit.Prev
		for e, err := range l.Find(ctx, to, from, key) {
			if err != nil {
				return nil, err
			}
			prev = &audit.Prev{Index: e.Index, Digest: audit.DigestOf(e.Record)}
		}
		if prev != nil {
			return prev, nil
		}
		to = from
	}
	return nil, nil
}
