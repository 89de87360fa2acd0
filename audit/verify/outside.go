package verify

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// checkpoint holds the signature of the log against the keys that the records
// give it.
func (v *verifier) checkpoint() {
	if v.k == nil || !v.good(checkKeys) {
		v.skip(checkCheckpoint, "needs the keys of the log, which the records name")
		return
	}
	if v.unsigned == "" && v.onFabric && !v.signedByNetwork() {
		v.unsigned = "by its records, the log signs with a key that is not of the network: it is a copy, whose own heads are to be had from who keeps the log"
	}
	if v.unsigned != "" {
		v.skip(checkCheckpoint, "%s", v.unsigned)
		return
	}
	for _, vkey := range v.s.Config.Log {
		if !slices.Contains(v.k.LogKeys(), vkey) { // letter by letter
			v.wrong(checkFolder, v.path("ledger.json"), -1, "remove it from ledger.json, and ask who put it there",
				"says that the log signs with %q; by its records it never did", vkey)
		}
	}
	ours := v.k.LogVerifiersAt(v.head.Size)
	if _, err := tlog.OpenCheckpoint(v.head.Note, v.head.Origin, ours...); err != nil {
		v.wrong(checkCheckpoint, v.checkpointFile(), -1, "compare the ledger with a bundle, or a checkpoint, that somebody else kept",
			"%v; by its records, the key of the log at that size is %s", err, trust.KeyNames(ours))
		return
	}
	v.ok(checkCheckpoint, "size %d, signed by %s", v.head.Size, trust.KeyNames(ours))
}

// checkpointFile is where the head is, if that is a file.
func (v *verifier) checkpointFile() string {
	if v.onFabric {
		return ""
	}
	return v.path("log", "checkpoint")
}

// logKey looks whether log.key is what signs the log. A copy of a ledger should
// not have it.
func (v *verifier) logKey() {
	if v.s.Mirror != nil {
		v.skip(checkLogKey, "the ledger is a mirror: it has the checkpoints of another one, and no key to sign any")
		return
	}
	file := v.s.LogKey.File
	if !filepath.IsAbs(file) {
		file = v.path(file)
	}
	private, err := keys.Load(file, nil)
	var public keys.Public
	encrypted := errors.Is(err, keys.ErrPassphraseNeeded)
	if err == nil {
		public = private.Public()
	} else if encrypted {
		public, err = keys.LoadPublic(file)
	}
	others := v.logKeys()
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(others) > 0:
		v.wrong(checkLogKey, v.path("ledger.json"), -1, restore, "names the key file %s, which is not here; %s is", file, others[0])
	case errors.Is(err, fs.ErrNotExist):
		v.skip(checkLogKey, "%s is not here: as it should be in a copy, which is not appended to", file)
	case errors.Is(err, fs.ErrPermission):
		v.skip(checkLogKey, "%s may not be read by this user", file)
	case errors.Is(err, keys.ErrExposed):
		v.wrong(checkLogKey, file, -1, "chmod 600 the file, and think about who may have read it: `auditlog keys rotate` replaces it", "%v", err)
	case err != nil:
		v.wrong(checkLogKey, file, -1, "restore it from a backup", "%v", err)
	default:
		given, _ := v.s.Verifiers()
		if !isKeyOf(given[0], public) {
			v.wrong(checkLogKey, file, -1, "restore the one of this ledger from a backup", "is key %s, which is not the one that signs the log, %s", public.ID(), trust.KeyNames(given[:1]))
		} else if encrypted {
			v.skip(checkLogKey, "%s is encrypted: its public half is that of the key that signs the log", file)
		} else if !asWritten(file, private) {
			v.wrong(checkLogKey, file, -1, "restore it from a backup", "is not written as auditlog writes it: it was changed, though the key is the same")
		}
		v.ok(checkLogKey, "it is the key of %s", trust.KeyNames(given[:1]))
	}
}

// logKeys are the files in the ledger's folder that look like keys of the log. The
// folder's own name is no pattern.
func (v *verifier) logKeys() []string {
	entries, _ := os.ReadDir(v.path("."))
	var files []string
	for _, e := range entries {
		if ok, _ := filepath.Match("log*.key", e.Name()); ok {
			files = append(files, v.path(e.Name()))
		}
	}
	return files
}

// asWritten reports whether a key file that is not encrypted is as it was made.
func asWritten(file string, k *keys.Private) bool {
	is, err := durable.ReadFile(file)
	if err != nil {
		return false
	}
	want, err := k.Marshal(nil)
	return err == nil && bytes.Equal(is, want)
}

// isKeyOf reports whether a verifier is that of a public key.
func isKeyOf(v note.Verifier, p keys.Public) bool {
	der := p.DER()
	if p.Algorithm() != keys.Ed25519 || len(der) < 32 {
		return false
	}
	mine, err := tlog.NewVerifier(v.Name(), der[len(der)-32:])
	return err == nil && mine.KeyHash() == v.KeyHash()
}

// anchor holds the ledger against the trust file.
func (v *verifier) anchor() {
	a := v.o.Anchor
	if a == nil {
		return
	}
	if v.k == nil {
		v.skip(checkAnchor, "needs all keys of the ledger")
	} else if err := a.Check(v.k); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			v.wrong(checkAnchor, "", -1, "it is another ledger, or a forged one; ask who gave you the trust file", "%s", strings.TrimPrefix(line, trust.ErrAnchor.Error()+": "))
		}
	}
	v.ok(checkAnchor, "origin, first record and keys of the log are those of the trust file")
	if a.Witnesses == nil {
		return
	}
	got, err := a.CheckWitnesses(v.head.Note)
	if err != nil {
		v.wrong(checkWitnesses, v.checkpointFile(), -1, "the next record asks them again; if they refuse, the ledger was forked", "%s", strings.TrimPrefix(err.Error(), trust.ErrAnchor.Error()+": "))
	}
	var who []string
	for _, c := range got {
		who = append(who, c.Witness+" at "+audit.FormatTime(c.Time))
	}
	v.ok(checkWitnesses, "cosigned by %s", strings.Join(who, ", "))
}

// against holds the ledger against older checkpoints.
func (v *verifier) against() error {
	if len(v.o.Against) == 0 {
		return nil
	}
	if v.k == nil {
		v.skip(checkAgainst, "needs the keys of the log, which the records name")
		return nil
	}
	for _, older := range v.o.Against {
		if err := v.continues(older); err != nil {
			return err
		}
	}
	v.ok(checkAgainst, "it begins with all records of %s", joined(v.o.Against))
	return nil
}

func joined(all []Older) string {
	var list []string
	for _, o := range all {
		list = append(list, o.Name)
	}
	return strings.Join(list, ", ")
}

func (v *verifier) continues(older Older) error {
	claimed, err := tlog.ReadCheckpoint(older.Checkpoint)
	switch {
	case err != nil:
		v.wrong(checkAgainst, older.Name, -1, "`auditlog checkpoint` writes one", "is not a checkpoint: %v", err)
		return nil
	case claimed.Origin != v.head.Origin:
		v.wrong(checkAgainst, older.Name, -1, "give one of this ledger", "is of ledger %q, this is %q", claimed.Origin, v.head.Origin)
		return nil
	}
	old, err := tlog.OpenCheckpoint(older.Checkpoint, v.head.Origin, v.k.LogVerifiersAt(claimed.Size)...)
	switch {
	case err != nil:
		v.wrong(checkAgainst, older.Name, -1, "it is forged, or of another ledger of that name", "%v", err)
		return nil
	case old.Size > v.head.Size:
		v.wrong(checkAgainst, older.Name, -1, gone, "has %d records, and the ledger only %d", old.Size, v.head.Size)
		return nil
	}
	proof, err := v.s.Log.ProveConsistency(v.ctx, v.head.Size, old.Size)
	if err == nil {
		err = ledger.CheckConsistency(proof, v.head.Size, v.head.Root, old.Size, old.Root)
	} else if v.ctx.Err() != nil {
		return v.ctx.Err()
	} else if !errors.Is(err, ledger.ErrCorrupt) {
		v.unknown(checkAgainst, older.Name, -1, err)
		return nil
	}
	if err != nil {
		v.wrong(checkAgainst, older.Name, -1, gone, "the ledger does not continue it: %v", err)
	}
	return nil
}
