package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// finishFlags say what becomes of a record: every command that makes one has
// them.
func finishFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "actor", Usage: "who says so, a `NAME` for people (default: AUDITLOG_ACTOR, else the name of the key)"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the statement that would be signed, and write nothing"},
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the signed record to `FILE` instead of the ledger, for further signatures"},
	}
}

// A session is an open ledger, and who makes records in it.
type session struct {
	*store.Store
	ring   *trust.Keyring
	size   int64         // of the ledger as ring knows it
	signer *keys.Private // nil on a dry run
	actor  audit.Actor
	site   []byte // once it was read
	dry    bool
	out    string // file for the record, instead of the ledger
}

// begin opens the ledger and the signing key for a record of an event. A key
// that could not sign it is refused now: hashing may take hours. The caller
// closes the session.
func (e *env) begin(c *cli.Context, kind audit.Kind) (*session, error) {
	x := &session{dry: c.Bool("dry-run"), out: c.String("out")}
	public, err := e.publicKey(c, x)
	if err != nil {
		return nil, err
	}
	if x.Store, err = e.openLedger(c, !x.dry && x.out == ""); err != nil {
		return nil, err
	}
	if err := x.know(c, public, kind); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// publicKey reads the signing key; for a dry run its public half alone, which
// needs no passphrase.
func (e *env) publicKey(c *cli.Context, x *session) (keys.Public, error) {
	if x.dry {
		path, err := keyPath(c)
		if err != nil {
			return keys.Public{}, err
		}
		if public, err := keys.LoadPublic(path); err == nil {
			return public, nil
		}
	}
	var err error
	if x.signer, err = e.openKey(c); err != nil {
		return keys.Public{}, err
	}
	return x.signer.Public(), nil
}

// know reads the keyring, and finds the key in it.
func (x *session) know(c *cli.Context, public keys.Public, kind audit.Kind) error {
	var err error
	if x.ring, x.size, err = keyring(c, x.Store); err != nil {
		return err
	}
	k, err := keyIn(x.ring, x.size, public.ID())
	if err != nil && !x.dry {
		return err
	}
	if err == nil && !k.Has(kind.Role) && !x.dry {
		return clikit.Usagef("its roles are "+join(k.Roles, ",")+"; an admin gives others by `auditlog keys add`",
			"key %q may not sign %s: that is for the role %s", k.Name, kind.Event, kind.Role)
	}
	x.actor = audit.Actor{ID: cmp.Or(c.String("actor"), os.Getenv("AUDITLOG_ACTOR"), k.Name, "key "+public.ID()[:16]), KeyID: public.ID()}
	return nil
}

// keyring reads who may sign, from the ledger.
func keyring(c *cli.Context, s *store.Store) (*trust.Keyring, int64, error) {
	head, err := s.Log.Head(c.Context)
	if err != nil {
		return nil, 0, err
	}
	ring, err := trust.Load(c.Context, s.Log, head.Size)
	return ring, head.Size, err
}

// trusted lists the keys that may sign the record with an index.
func trusted(ring *trust.Keyring, index int64) []trust.Key {
	return slices.DeleteFunc(slices.Clone(ring.Keys()), func(k trust.Key) bool {
		return !k.Believed || k.From >= index || k.Until >= 0 && k.Until <= index
	})
}

// keyIn finds a trusted key by its name, its id, or the beginning of its id.
func keyIn(ring *trust.Keyring, index int64, word string) (trust.Key, error) {
	var found []trust.Key
	for _, k := range trusted(ring, index) {
		if k.ID == word || k.Name == word || len(word) >= 8 && strings.HasPrefix(k.ID, word) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return trust.Key{}, clikit.Usagef("`auditlog keys show` lists the keys that may; an admin adds one by `auditlog keys add FILE`", "key %q may not sign in this ledger", word)
	}
	return trust.Key{}, clikit.Usagef("give the beginning of its id", "%d keys are called %q", len(found), word)
}

// SiteKey reads the key of the site once: the end of a run is recorded, or kept,
// even if the ledger is gone by then. A dry run makes none: where none is yet, it
// makes do with another.
func (x *session) SiteKey() ([]byte, error) {
	var err error
	switch {
	case x.site != nil:
	case !x.dry:
		x.site, err = x.Store.ForRecords()
	default:
		if x.site, err = x.Store.SiteKey(); errors.Is(err, fs.ErrNotExist) && x.Fabric() != nil {
			x.site, err = make([]byte, 32), nil
			rand.Read(x.site)
		}
	}
	return x.site, err
}

// draft begins a record of an event, with what collects for it and keeps its
// documents.
func (x *session) draft(e *env, c *cli.Context, kind audit.Kind) (*draft, error) {
	siteKey, err := x.SiteKey()
	if err != nil {
		return nil, err
	}
	blobs := x.Blobs
	if x.dry {
		blobs = store.Blobs{}
	}
	collector, err := collect.New(siteKey, blobs)
	if err != nil {
		return nil, err
	}
	if collector.Fingerprint, err = e.hashOptions(c); err != nil {
		return nil, err
	}
	return &draft{Collector: collector, c: c, kind: kind, p: collect.Begin(x.Origin, kind.Event, x.actor), env: e, ledger: x.Dir()}, nil
}

// finish makes a record of a predicate: it takes out secrets, signs, and appends
// it, or shows it, or writes it to a file.
func (e *env) finish(c *cli.Context, x *session, p *audit.Predicate) error {
	p.Time = collect.Now() // what was collected may have taken hours
	if p.Event.Scope() == audit.OfLedger {
		p.Prev = x.ring.Prev()
	}
	siteKey, err := x.SiteKey()
	if err != nil {
		return err
	}
	if err := collect.Redact(p, siteKey); err != nil {
		return usageError(err, secretHint)
	}
	if err := x.fit(c.Context, p); err != nil {
		return err
	}
	if x.dry {
		return e.show(c, p)
	}
	sealed, err := audit.Seal(p, x.signer)
	if err != nil {
		return err
	}
	if x.out != "" {
		return e.writeEnvelope(c, x.out, sealed)
	}
	record, err := audit.Open(sealed)
	if err != nil {
		return err
	}
	err = e.append(c, x.Store, x.ring, x.size, record)
	if x.Fabric() != nil && unsure(err) {
		return x.keepRecord(fmt.Sprintf("auditlog-%s-%.16s.json", p.Event, record.Digest()), sealed, fmt.Errorf("the ledger has not acknowledged the record: %w", err))
	}
	return err
}

// unsure reports whether a record that was to be appended may be in the ledger
// all the same, or may get there if it is appended again.
func unsure(err error) bool {
	var said *clikit.Error
	var overtaken *store.Overtaken
	if err == nil || errors.As(err, &said) || errors.As(err, &overtaken) {
		return false
	}
	for _, refused := range []error{ledger.ErrConflict, ledger.ErrTooLarge, ledger.ErrInvalid, ledger.ErrReadOnly} {
		if errors.Is(err, refused) {
			return false
		}
	}
	return true
}

// keepRecord writes a signed record that the ledger has not acknowledged into
// the working folder, or else into the folder for temporary files, and says so.
func (x *session) keepRecord(name string, sealed []byte, why error) error {
	file, err := name, durable.WriteFile(name, sealed, 0o644)
	if err != nil {
		file = filepath.Join(os.TempDir(), name)
		if again := durable.WriteFile(file, sealed, 0o644); again != nil {
			return errors.Join(why, err, again)
		}
	}
	code := clikit.Failed
	if errors.Is(why, context.Canceled) {
		code = clikit.Interrupted
	}
	return &clikit.Error{
		Code: code, Err: why,
		Hint: fmt.Sprintf("the signed record is in %s: `auditlog append %s` records it, once, however often it is run", file, file),
	}
}

const secretHint = "names are kept as they are, so that they can be found: choose another"

// fit makes the predicate small enough for a record: what is long becomes a
// document, which a dry run does not keep.
func (x *session) fit(ctx context.Context, p *audit.Predicate) error {
	blobs := x.Blobs
	if x.dry {
		blobs = store.Blobs{}
	}
	return collect.Fit(ctx, p, blobs)
}

// show prints the statement that would be signed: byte for byte, or indented on
// a terminal.
func (e *env) show(c *cli.Context, p *audit.Predicate) error {
	payload, err := p.Encode()
	if err != nil {
		return err
	}
	if clikit.IsTerminal(e.stdout) && !c.Bool("json") {
		var b bytes.Buffer
		if err := json.Indent(&b, payload, "", "  "); err != nil {
			return err
		}
		payload = b.Bytes()
	}
	if _, err := e.stdout.Write(append(payload, '\n')); err != nil {
		return err
	}
	e.remark(c, "dry run: nothing was written")
	return nil
}

func (e *env) writeEnvelope(c *cli.Context, out string, record []byte) error {
	if err := durable.WriteFile(out, record, 0o644); err != nil {
		return err
	}
	e.remark(c, "signed, and not recorded yet: `auditlog sign %s` adds a signature, `auditlog append %s` records it", out, out)
	type written struct {
		V      int    `json:"v"`
		File   string `json:"file"`
		Digest string `json:"sha3_512"`
	}
	return e.result(c, written{1, out, audit.DigestOf(record)}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, out)
		return err
	})
}

// append appends a record that is signed as the ledger asks, and says where it
// is. A record that nobody would believe is not appended.
func (e *env) append(c *cli.Context, s *store.Store, ring *trust.Keyring, size int64, record *audit.Record) error {
	receipt, err := s.AppendIf(c.Context, record.Bytes, believed(ring, size, record))
	if err != nil {
		return err
	}
	type appended struct {
		V      int         `json:"v"`
		Index  int64       `json:"index"`
		Size   int64       `json:"size"`
		Event  audit.Event `json:"event"`
		Digest string      `json:"sha3_512"`
		Known  bool        `json:"known"`
	}
	a := appended{1, receipt.Index, receipt.Size, record.Predicate().Event, record.Digest(), receipt.Known}
	e.cosign(c, s)
	if receipt.Known {
		first, err := firstOf(c, s, receipt.Index)
		if err != nil {
			return err
		}
		a.Digest = first.Digest()
		e.remark(c, "it was recorded before, as record %d; nothing was added", receipt.Index)
	}
	return e.result(c, a, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "record %d  sha3-512 %s\n", a.Index, a.Digest)
		return err
	})
}

// believed judges a record, right before it is appended, by the keys of that
// moment; ring are those of the first size records. Keys may have changed since,
// if data were hashed or a command was run meanwhile.
func believed(ring *trust.Keyring, size int64, record *audit.Record) store.Ok {
	return func(ctx context.Context, l ledger.Ledger, index int64) error {
		now := ring
		if index != size {
			var err error
			if now, err = trust.Load(ctx, l, index); err != nil {
				return err
			}
		}
		return refuse(now.Judge(index, record))
	}
}

// firstOf gives the record that has the id already. One that nobody believes
// keeps the id from the one that says the same and is right.
func firstOf(c *cli.Context, s *store.Store, index int64) (*audit.Record, error) {
	entry, err := s.Log.Get(c.Context, index)
	if err != nil {
		return nil, err
	}
	first, err := audit.Open(entry.Record)
	if err != nil {
		return nil, err
	}
	ring, _, err := keyring(c, s)
	if err != nil {
		return nil, err
	}
	if v := ring.Judge(index, first); !v.OK() {
		return nil, &clikit.Error{
			Code: clikit.Findings, Err: fmt.Errorf("not recorded: record %d has the id %q, and nobody believes it: %s", index, first.Predicate().ID, v.Problems[0].Message),
			Hint: "give another --id; `auditlog verify` shows what is wrong with that record",
		}
	}
	return first, nil
}

// refuse makes an error of a verdict that speaks against a record.
func refuse(v trust.Verdict) error {
	if v.OK() {
		return nil
	}
	var said []string
	hint := "`auditlog keys show` lists who may sign, and the policy"
	for _, p := range v.Problems {
		said = append(said, p.Message)
		if p.Code == trust.BelowThreshold {
			hint = "`auditlog record … --out FILE`, then others `auditlog sign FILE`, then `auditlog append FILE`"
		}
	}
	return clikit.Usagef(hint, "nobody would believe this record: %s", strings.Join(said, "; "))
}

// cosign has the witnesses of the ledger cosign its head. A record is durable
// without: a witness that does not answer is asked again after the next one.
func (e *env) cosign(c *cli.Context, s *store.Store) {
	if err := s.Cosign(c.Context); err != nil {
		e.remark(c, "warning: the record is in the ledger, but not all witnesses cosigned: %v", err)
	}
}
