// Package store is a ledger of records in a folder, with what belongs to it:
//
//	log/            the records and their proofs, package ledger/tlog
//	blobs/HH/HEX    documents that records name by SHA3-512
//	ledger.json     name and public keys of the log; schemas/ledger.schema.json
//	log.key         Ed25519 key that signs checkpoints, PKCS#8, mode 0600
//	site.key        32 random bytes, mode 0600: commitments to what was redacted
//
// docs/formats.md, "Ledger folder", has every byte.
//
// What it guarantees: a document is durable before a record that names it can
// be; ledger.json is written last, so that a folder has a whole ledger or none;
// a record that was sent twice under one idempotency key is one record.
//
// Whoever may write to the folder may also replace it: ledger.json says by which
// keys to read the log, not which to trust. That is what a trust file, a
// witness and the mark outside of the folder are for.
package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha3"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// DirName is the usual name of a ledger's folder beside what it is about.
const DirName = ".auditlog"

// What lies in the folder.
const (
	logDir     = "log"
	blobDir    = "blobs"
	configName = "ledger.json"
	logKeyName = "log.key"
	siteName   = "site.key"
)

var (
	// ErrUnfinished is a folder that has a log but no ledger.json.
	ErrUnfinished = errors.New("no ledger.json beside a log: it was lost, or the making of the ledger was cut short")
	// ErrConfig is a ledger.json that cannot be right.
	ErrConfig = errors.New("not the description of a ledger")
)

// Config is ledger.json.
type Config struct {
	V      int    `json:"v"` // 1
	Origin string `json:"origin"`
	// Log are the verifier keys of checkpoints, as C2SP signed-note has them.
	// The first is of the key that signs now.
	Log    []string `json:"log"`
	LogKey LogKey   `json:"logKey"`
	// Next is a key that will sign the log once a record says so.
	Next *NextKey `json:"next,omitempty"`
	// Witnesses cosign checkpoints, Quorum of them at least.
	Witnesses []Witness `json:"witnesses,omitempty"`
	Quorum    int       `json:"quorum,omitempty"`
}

// LogKey says how the key that signs checkpoints is found.
type LogKey struct {
	File string `json:"file"` // relative to the folder, or absolute
	// Passphrase is where the passphrase of an encrypted key comes from, as
	// keys.PassphraseSource has it.
	Passphrase string `json:"passphrase,omitempty"`
}

// NextKey is a key of the log that was made and does not sign yet.
type NextKey struct {
	Log string `json:"log"` // its verifier key
	LogKey
}

// Witness is a witness by C2SP tlog-witness.
type Witness struct {
	URL string `json:"url,omitempty"`
	Key string `json:"key"`
}

// Store is an open ledger with its documents. Its methods may be called
// concurrently.
type Store struct {
	Config
	Log   *tlog.Log
	Blobs Blobs
	dir   string
	o     Options
	text  []byte // of ledger.json, as it was when the log was opened
}

// Options say how a ledger is opened.
type Options struct {
	// Write opens it for appending too: the key of the log is read.
	Write bool
	// Passphrase gives the passphrase of an encrypted key of the log, which
	// comes from source; nil reads the source.
	Passphrase func(ctx context.Context, file string, source keys.PassphraseSource) ([]byte, error)
	// Pins is the folder of high-water marks; "" is tlog.DefaultPins.
	Pins string
}

// Find gives the folder of the ledger of dir: the nearest DirName in it or in a
// folder above. It is ledger.ErrNoLedger if there is none.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		candidate := filepath.Join(at, DirName)
		if info, err := os.Stat(candidate); err == nil && info.IsDir() {
			return candidate, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: no folder %s in %s or above it", ledger.ErrNoLedger, DirName, dir)
		}
	}
}

// Open opens the ledger in a folder. It is ledger.ErrNoLedger if there is none.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	s, err := open(ctx, dir, o)
	if err != nil || !o.Write || s.Next == nil {
		return s, err
	}
	// A rotation was cut short, or waits for its record.
	if done, err := s.finishRotation(ctx); err != nil || !done {
		return s, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return open(ctx, dir, o)
}

func open(ctx context.Context, dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, o: o, Blobs: NewBlobs(filepath.Join(dir, blobDir))}
	text, err := durable.ReadFile(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, logDir)); err == nil {
			return nil, fmt.Errorf("%s: %w", dir, ErrUnfinished)
		}
		return nil, fmt.Errorf("%w: %w", ledger.ErrNoLedger, err)
	} else if err != nil {
		return nil, err
	}
	if s.Config, err = ParseConfig(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configName), err)
	}
	s.text = text
	options, err := s.options(ctx, o)
	if err != nil {
		return nil, err
	}
	if s.Log, err = tlog.Open(ctx, filepath.Join(dir, logDir), options); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseConfig reads ledger.json strictly. Its errors are ErrConfig.
func ParseConfig(text []byte) (Config, error) {
	var c Config
	if err := canonical.Decode(text, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	switch {
	case c.V != 1:
		return c, fmt.Errorf("%w: version %d, want 1", ErrConfig, c.V)
	case c.LogKey.File == "":
		return c, fmt.Errorf("%w: logKey has no file", ErrConfig)
	case c.Quorum < 0 || c.Quorum > len(c.Witnesses):
		return c, fmt.Errorf("%w: a quorum of %d among %d witnesses", ErrConfig, c.Quorum, len(c.Witnesses))
	case slices.ContainsFunc(c.Witnesses, func(w Witness) bool { return w.Key == "" }):
		return c, fmt.Errorf("%w: a witness without key", ErrConfig)
	}
	if c.Next != nil {
		if v, err := note.NewVerifier(c.Next.Log); err != nil || v.Name() != c.Origin || c.Next.File == "" {
			return c, fmt.Errorf("%w: next is no key of %q with a file", ErrConfig, c.Origin)
		}
	}
	verifiers, err := c.Verifiers()
	if err != nil {
		return c, err
	}
	if len(verifiers) == 0 || verifiers[0].Name() != c.Origin {
		return c, fmt.Errorf("%w: log has no verifier key of %q in front", ErrConfig, c.Origin)
	}
	return c, nil
}

// Verifiers gives the verifiers of Log.
func (c *Config) Verifiers() ([]note.Verifier, error) {
	var all []note.Verifier
	for _, vkey := range c.Log {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%w: verifier key %q: %w", ErrConfig, vkey, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func (c *Config) marshal() ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// options gives what the log is opened with.
func (s *Store) options(ctx context.Context, o Options) (tlog.Options, error) {
	verifiers, err := s.Verifiers()
	if err != nil {
		return tlog.Options{}, err
	}
	out := tlog.Options{Verifiers: verifiers, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion, Pins: o.Pins, Quorum: s.Quorum}
	for _, w := range s.Witnesses {
		out.Witnesses = append(out.Witnesses, tlog.Witness{URL: w.URL, Key: w.Key})
	}
	if out.Pins == "" {
		if out.Pins, err = tlog.DefaultPins(); err != nil {
			return out, err
		}
	}
	if !o.Write {
		return out, nil
	}
	file := s.path(s.LogKey.File)
	k, err := keys.Load(file, func() ([]byte, error) { return s.passphrase(ctx, file, o) })
	if err != nil {
		return out, fmt.Errorf("key of the log: %w", err)
	}
	var v note.Verifier
	if out.Signer, v, err = logSigner(s.Origin, k); err != nil {
		return out, fmt.Errorf("%s: %w", file, err)
	}
	if v.KeyHash() != verifiers[0].KeyHash() {
		return out, fmt.Errorf("%w: %s is not the key that ledger.json says signs the log", ErrConfig, file)
	}
	return out, nil
}

func (s *Store) passphrase(ctx context.Context, file string, o Options) ([]byte, error) {
	if s.LogKey.Passphrase == "" {
		return nil, keys.ErrPassphraseNeeded
	}
	source, err := keys.ParsePassphraseSource(s.LogKey.Passphrase)
	if err != nil {
		return nil, err
	}
	if o.Passphrase != nil {
		return o.Passphrase(ctx, file, source)
	}
	return source.Read(ctx, file)
}

func logSigner(origin string, k *keys.Private) (note.Signer, note.Verifier, error) {
	key, ok := k.Ed25519()
	if !ok {
		return nil, nil, fmt.Errorf("the key of a log is Ed25519, this is %s", k.Public().Algorithm())
	}
	return tlog.NewKey(origin, key)
}

// path gives the place of a file that is named relative to the folder.
func (s *Store) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

// Dir is the folder of the ledger.
func (s *Store) Dir() string { return s.dir }

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
