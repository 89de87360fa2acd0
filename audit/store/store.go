// Package store is a ledger of records, with what belongs to it. It is a folder:
//
//	log/            the records and their proofs, package ledger/tlog
//	blobs/HH/HEX    documents that records name by SHA3-512
//	ledger.json     name and public keys of the log; schemas/ledger.schema.json
//	anchors/        evidence of anchors, package ledger/fabric/anchored
//	log.key         Ed25519 key that signs checkpoints, PKCS#8, mode 0600
//	site.key        32 random bytes, mode 0600: commitments to what was redacted
//
// or it is on a channel of Hyperledger Fabric, package ledger/fabric: then blobs
// and site.key alone lie in a folder, that of who records, and the first record
// says what the ledger is. docs/formats.md, "Ledger folder" and "Ledger on
// Fabric", has every byte.
//
// What it guarantees: a document is durable before a record that names it can
// be; ledger.json is written last, so that a folder has a whole ledger or none;
// a record that was sent twice under one idempotency key is one record.
//
// Whoever may write to the folder may also replace it: ledger.json says by which
// keys to read the log, not which to trust. That is what a trust file, a
// witness and the mark outside of the folder are for. The mark is kept of a
// ledger on Fabric too.
package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha3"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// DirName is the usual name of a ledger's folder beside what it is about.
const DirName = ".auditlog"

// FabricPrefix stands before the file of a profile
// (schemas/fabric.schema.json) in the place of a ledger on Fabric.
const FabricPrefix = "fabric:"

var (
	// ErrUnfinished is a folder that has a log but no ledger.json.
	ErrUnfinished = errors.New("no ledger.json beside a log: it was lost, or the making of the ledger was cut short")
	// ErrConfig is a ledger.json that cannot be right.
	ErrConfig = errors.New("not the description of a ledger")
	// ErrProfile is a profile that cannot be used, or something that
	// it names.
	ErrProfile = errors.New("profile")
	// ErrFirst is a channel whose first record does not begin a ledger.
	ErrFirst = errors.New("its first record is not that of a ledger")
	// ErrOrigin is a ledger of another name than its profile says.
	ErrOrigin = errors.New("another ledger than the profile says")
)

// Store is an open ledger with its documents. Its methods may be called
// concurrently.
type Store struct {
	// Config is what ledger.json says. Of a ledger on Fabric it has the origin
	// alone: the records say which keys are of the log.
	Config
	// Log has the records. It checks what it returns against its newest head,
	// which on Fabric nobody has signed: see Head.
	Log   ledger.Ledger
	Blobs Blobs

	dir   string // of documents and keys
	o     Options
	tiles *tlog.Log // Log, if it is local
	text  []byte    // of ledger.json, as it was when the log was opened
	chain *chain    // Log, if it is on Fabric
}

// Options say how a ledger is opened.
type Options struct {
	// Write opens it for appending too: the key of the log is read.
	Write bool
	// Passphrase gives the passphrase of an encrypted key of the log, which
	// comes from source; nil reads the source.
	Passphrase func(ctx context.Context, file string, source keys.PassphraseSource) ([]byte, error)
	// Eventual is content with what one peer has: heads of Log wait for no other,
	// and may lack what was appended last. They never go back behind what this
	// user has seen. In a folder it changes nothing.
	Eventual bool
	// Pins is the folder of high-water marks; "" is tlog.DefaultPins.
	Pins string
	// Empty opens a channel that has no records yet, too, as the ledger of this
	// name: what copies another ledger into it.
	Empty string
	// Tell, if not nil, is told why a network is still waited for, as
	// fabric.Ledger.Tell is.
	Tell func(waited time.Duration, why error)
}

// OnFabric gives the file of the profile that a place names, if it is one of a
// ledger on Fabric.
func OnFabric(place string) (profile string, ok bool) { return strings.CutPrefix(place, FabricPrefix) }

// Open opens the ledger at a place: a folder, or "fabric:" and the file of a
// profile. It is ledger.ErrNoLedger if there is none.
func Open(ctx context.Context, place string, o Options) (*Store, error) {
	if profile, ok := OnFabric(place); ok {
		return openFabric(ctx, profile, o)
	}
	return openFolder(ctx, place, o)
}

// Tiles is the log in its folder; nil on Fabric.
func (s *Store) Tiles() *tlog.Log { return s.tiles }

// Fabric is the connection to the network; nil if the ledger is a folder.
func (s *Store) Fabric() *fabric.Ledger {
	if s.chain == nil {
		return nil
	}
	return s.chain.Ledger
}

// Place is where the ledger is, as it was opened.
func (s *Store) Place() string {
	if s.chain == nil {
		return s.dir
	}
	return FabricPrefix + s.chain.profile.File()
}

// AbsPlace is Place from wherever one looks.
func (s *Store) AbsPlace() (string, error) {
	if s.chain == nil {
		return filepath.Abs(s.dir)
	}
	file, err := filepath.Abs(s.chain.profile.File())
	return FabricPrefix + file, err
}

// Dir is the folder of documents and keys: that of the ledger, if it is local.
func (s *Store) Dir() string { return s.dir }

// Marked is the size at which this user had seen the ledger before it was
// opened; 0 if there was no mark.
func (s *Store) Marked() int64 {
	if s.chain == nil {
		return s.tiles.Marked()
	}
	return s.chain.marked
}

// Head is the newest head, signed: on Fabric by peers of the organisations that
// the profile names. It is fabric.ErrNoKey if it names none.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return head, err
	}
	return s.Sign(ctx, head)
}

// Sign gives a head of Log with its signature, see Head.
func (s *Store) Sign(ctx context.Context, head ledger.Head) (ledger.Head, error) {
	if s.chain == nil {
		return head, nil // it has one
	}
	return s.chain.Endorse(ctx, head)
}

// Cosign has the witnesses of the ledger cosign its head. It is an error if not
// all did; those that did are kept.
func (s *Store) Cosign(ctx context.Context) error {
	if len(s.Witnesses) == 0 {
		return nil
	}
	_, err := s.tiles.Witness(ctx)
	return err
}

// Close closes the log.
func (s *Store) Close() error { return s.Log.Close() }

// SiteKey gives the key of commitments to what is redacted.
func (s *Store) SiteKey() ([]byte, error) {
	key, err := durable.ReadFile(filepath.Join(s.dir, siteName))
	if err != nil {
		return nil, err
	}
	if len(key) != siteSize {
		return nil, fmt.Errorf("%s: has %d bytes, want %d", filepath.Join(s.dir, siteName), len(key), siteSize)
	}
	return key, nil
}

const siteSize = 32

// ParamsSecret gives the secret of the tree over hyper-parameters with this
// hash: HMAC-SHA3-256(site key, "auditlog/params-secret/v1\n" ‖ hash). Equal
// sets have equal secrets and so equal trees; what is disclosed of one tells
// nothing that the equal hash did not.
func ParamsSecret(siteKey []byte, h hparams.Hash) []byte {
	mac := hmac.New(func() hash.Hash { return sha3.New256() }, siteKey)
	mac.Write([]byte("auditlog/params-secret/v1\n"))
	mac.Write(h[:])
	return mac.Sum(nil)
}
