package trust

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// Unanchored is what must be said of an answer that no [Anchor] stands behind.
const Unanchored = "internally consistent, held against no trust file: the keys come from the ledger itself, and whoever made it up would have made them up too"

// What can be wrong with an anchor, for errors.Is.
var (
	ErrTrustFile = errors.New("not a trust file")
	// ErrAnchor: the ledger is not the one that the trust file is about.
	ErrAnchor = errors.New("the ledger is not the one of the trust file")
)

// An Anchor is what a verifier knows of a ledger from outside: the trust file,
// schemas/trust.schema.json. It is handed over once, by another way than the
// ledger, and need not change when keys do: what the ledger says of its keys
// hangs on its first record.
type Anchor struct {
	V      int    `json:"v"` // 1
	Origin string `json:"origin"`
	// Log are verifier keys of the log, as C2SP signed-note has them, the oldest
	// first. The log must have signed with one of them: an older state of the
	// ledger has not all of them yet, and a newer one has further ones.
	Log []string `json:"log"`
	// Genesis is SHA3-512 of the first record, Admins are the ids of all admin
	// keys that it names. At least one of the two is there.
	Genesis   string     `json:"genesis,omitempty"`
	Admins    []string   `json:"admins,omitempty"`
	Witnesses *Witnesses `json:"witnesses,omitempty"`
	// Anchors are verifier keys of networks, as package ledger/fabric/endorsed has
	// them: whose evidence of anchors counts.
	Anchors []string `json:"anchors,omitempty"`
}

// Witnesses are those of whom Quorum must have cosigned a checkpoint.
type Witnesses struct {
	Keys   []string `json:"keys"` // verifier keys of type 0x04, as C2SP tlog-cosignature has them
	Quorum int      `json:"quorum"`
}

// MaxTrustFile is the most bytes of a trust file.
const MaxTrustFile = 64 << 10

// Anchor gives what a verifier needs to know of the ledger, for handing out.
// Witnesses may be nil.
func (k *Keyring) Anchor(w *Witnesses) (*Anchor, error) {
	if k.genesis == "" {
		return nil, fmt.Errorf("%w: the ledger has no valid first record", ErrAnchor)
	}
	a := &Anchor{V: 1, Origin: k.origin, Log: k.LogKeys(), Genesis: k.genesis, Admins: k.admins(), Witnesses: w}
	return a, a.validate()
}

// admins are the admin keys of the genesis, by ID.
func (k *Keyring) admins() []string {
	var ids []string
	for id, entries := range k.keys {
		if e := entries[0]; e.by.index < 0 && e.Has(audit.Admin) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ParseAnchor reads a trust file. Its errors are ErrTrustFile.
func ParseAnchor(file []byte) (*Anchor, error) {
	if len(file) > MaxTrustFile {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrTrustFile, MaxTrustFile)
	}
	a := &Anchor{}
	if err := canonical.Decode(file, a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrustFile, err)
	}
	if err := a.validate(); err != nil {
		return nil, err
	}
	return a, nil
}

// Marshal gives the file: JSON, indented by two spaces.
func (a *Anchor) Marshal() ([]byte, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(a, "", "  ")
	return append(b, '\n'), err
}

func (a *Anchor) validate() error {
	bad := func(member, format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrTrustFile, member, fmt.Sprintf(format, args...))
	}
	if a.V != 1 {
		return bad("v", "%d, want 1", a.V)
	}
	if a.Origin == "" {
		return bad("origin", "is empty")
	}
	if len(a.Log) == 0 {
		return bad("log", "is empty: name at least one verifier key of the log")
	}
	for i, vkey := range a.Log {
		if _, err := newLogKey(vkey, a.Origin); err != nil {
			return bad(fmt.Sprintf("log[%d]", i), "%v", err)
		}
	}
	if a.Genesis == "" && len(a.Admins) == 0 {
		return bad("genesis", "is missing, and so are admins: without either, nothing says which ledger it is")
	}
	if a.Genesis != "" && !isHex(a.Genesis, 64) {
		return bad("genesis", "%.20q is not 128 digits of lower-case hexadecimal", a.Genesis)
	}
	for i, id := range a.Admins {
		if !isHex(id, 32) {
			return bad(fmt.Sprintf("admins[%d]", i), "%.20q is not 64 digits of lower-case hexadecimal", id)
		}
	}
	for i, vkey := range a.Anchors {
		if _, err := endorsed.ParseKey(vkey); err != nil {
			return bad(fmt.Sprintf("anchors[%d]", i), "%v", err)
		}
		if slices.Contains(a.Anchors[:i], vkey) {
			return bad(fmt.Sprintf("anchors[%d]", i), "is listed twice")
		}
	}
	if w := a.Witnesses; w != nil {
		if len(w.Keys) == 0 || w.Quorum < 1 || w.Quorum > len(w.Keys) {
			return bad("witnesses", "a quorum of %d among %d witnesses", w.Quorum, len(w.Keys))
		}
		for i, key := range w.Keys {
			if slices.Contains(w.Keys[:i], key) {
				return bad(fmt.Sprintf("witnesses.keys[%d]", i), "is listed twice")
			}
		}
		if _, err := tlog.Cosignatures([]byte("a\n0\na\n\n— a AAAAAAA=\n"), a.witnesses()); err != nil {
			return bad("witnesses.keys", "%v", err)
		}
	}
	return nil
}

func isHex(s string, size int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == size && strings.ToLower(s) == s
}

func (a *Anchor) witnesses() []tlog.Witness {
	var all []tlog.Witness
	if a.Witnesses != nil {
		for _, key := range a.Witnesses.Keys {
			all = append(all, tlog.Witness{Key: key})
		}
	}
	return all
}

// Check holds a ledger against what is known of it. Its errors are ErrAnchor,
// one for each thing that differs.
func (a *Anchor) Check(k *Keyring) error {
	var errs []error
	differ := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s", ErrAnchor, fmt.Sprintf(format, args...)))
	}
	if k.origin != a.Origin {
		differ("its name is %q, and should be %q", k.origin, a.Origin)
	}
	if k.genesis == "" {
		differ("it has no valid first record")
		return errors.Join(errs...)
	}
	if a.Genesis != "" && k.genesis != a.Genesis {
		differ("its first record has the SHA3-512 %s, and should have %s", k.genesis, a.Genesis)
	}
	if len(a.Admins) > 0 {
		have := k.admins()
		for _, id := range have {
			if !slices.Contains(a.Admins, id) {
				differ("its first record makes key %s an admin, which should not be one", id)
			}
		}
		for _, id := range a.Admins {
			if !slices.Contains(have, id) {
				differ("its first record does not make key %s an admin", id)
			}
		}
	}
	if !slices.ContainsFunc(a.Log, func(vkey string) bool { return slices.Contains(k.LogKeys(), vkey) }) {
		differ("its log signed with %s, and never with %s", strings.Join(k.LogKeys(), ", "), strings.Join(a.Log, ", "))
	}
	return errors.Join(errs...)
}

// CheckWitnesses returns the cosignatures of the witnesses that a checkpoint
// bears, with an error that is ErrAnchor if they are fewer than the quorum, or
// one of them is not valid. Without witnesses there is nothing to ask for.
func (a *Anchor) CheckWitnesses(checkpoint []byte) ([]tlog.Cosignature, error) {
	if a.Witnesses == nil {
		return nil, nil
	}
	got, err := tlog.Cosignatures(checkpoint, a.witnesses())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnchor, err)
	}
	if len(got) < a.Witnesses.Quorum {
		return got, fmt.Errorf("%w: %d of its %d witnesses cosigned the checkpoint, and %d must have", ErrAnchor, len(got), len(a.Witnesses.Keys), a.Witnesses.Quorum)
	}
	return got, nil
}
