package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// InitOptions say what a new ledger is.
type InitOptions struct {
	// Origin is the name of the ledger. Empty, it is that of the profile, or a
	// random one.
	Origin string
	// Genesis makes the first record, signed, from what the ledger is: its
	// keys are the first that are trusted.
	Genesis func(origin, logKey string) (record []byte, err error)
	// LogPassphrase encrypts the key of the log; nil leaves it as it is, so
	// that records can be made without anybody present. LogPassphraseSource is
	// where it comes from later.
	LogPassphrase       []byte
	LogPassphraseSource string
	Witnesses           []Witness
	Quorum              int
	Pins                string                                // as in Options
	Tell                func(waited time.Duration, why error) // as in Options
}

// Init makes a ledger at a place, see Open, and opens it for appending. It
// creates a folder if need be; on a channel the chaincode must be there. Where a
// ledger is, or what is left of one, it is ledger.ErrExists, and nothing is
// changed.
func Init(ctx context.Context, place string, o InitOptions) (*Store, error) {
	if profile, ok := OnFabric(place); ok {
		return initFabric(ctx, profile, o)
	}
	return initFolder(ctx, place, o)
}

func initFolder(ctx context.Context, dir string, o InitOptions) (s *Store, err error) {
	o.Origin = cmp.Or(o.Origin, randomOrigin())
	if err := CheckOrigin(o.Origin); err != nil {
		return nil, err
	}
	for _, name := range []string{configName, logDir, logKeyName, siteName, blobDir} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("%w: %s", ledger.ErrExists, filepath.Join(dir, name)), err)
		}
	}
	logKey, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return nil, err
	}
	s = &Store{dir: dir, Blobs: NewBlobs(filepath.Join(dir, blobDir))}
	s.Config = Config{V: 1, Origin: o.Origin, LogKey: LogKey{File: logKeyName, Passphrase: o.LogPassphraseSource}, Witnesses: o.Witnesses, Quorum: o.Quorum}
	name, err := vkey(o.Origin, logKey)
	if err != nil {
		return nil, err
	}
	s.Config.Log = []string{name}
	genesis, err := o.Genesis(o.Origin, name)
	if err != nil {
		return nil, err
	}

	if err := durable.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil { // what was there was looked at above: all of this is ours
			for _, name := range []string{logDir, logKeyName, siteName} {
				os.RemoveAll(filepath.Join(dir, name))
			}
			os.Remove(dir) // if it is empty
		}
	}()
	site := make([]byte, siteSize)
	rand.Read(site)
	if err := durable.WriteFile(filepath.Join(dir, siteName), site, 0o600); err != nil {
		return nil, err
	}
	if err := keys.Create(filepath.Join(dir, logKeyName), logKey, o.LogPassphrase); err != nil {
		return nil, err
	}
	options, err := s.options(ctx, Options{Pins: o.Pins})
	if err != nil {
		return nil, err
	}
	if options.Signer, _, err = logSigner(o.Origin, logKey); err != nil {
		return nil, err
	}
	if s.tiles, err = tlog.Init(ctx, filepath.Join(dir, logDir), options); err != nil {
		return nil, err
	}
	s.Log = s.tiles
	text, err := s.marshal()
	if err == nil {
		_, err = s.Log.Append(ctx, genesis)
	}
	if err == nil {
		err = durable.WriteFile(filepath.Join(dir, configName), text, 0o644) // the commit
	}
	if err != nil {
		return nil, errors.Join(err, s.Log.Close())
	}
	s.text, s.o = text, Options{Write: true, Pins: o.Pins}
	return s, nil
}

func randomOrigin() string {
	var b [8]byte
	rand.Read(b[:])
	return "auditlog.local/" + hex.EncodeToString(b[:])
}

// CheckOrigin refuses what is no name for a log: C2SP signed-note wants one
// without spaces and plus signs, and recommends a URL without scheme.
func CheckOrigin(origin string) error {
	if origin == "" || len(origin) > audit.MaxName || strings.ContainsFunc(origin, func(r rune) bool {
		return r <= ' ' || r == '+' || r == 0x7f || r > 0x7f
	}) {
		return fmt.Errorf("%w: name of the ledger %q: want ASCII without spaces and plus signs, such as example.com/audit", ledger.ErrInvalid, origin)
	}
	return nil
}
