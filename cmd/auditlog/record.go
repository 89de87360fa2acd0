package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
)

func recordCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "record", Usage: "record an event", ArgsUsage: "EVENT",
		Description: "Collects what the event must say, signs it, and appends it to the ledger. The time is\n" +
			"observed, never given. `auditlog explain EVENT` says which flags belong to an event:\n\n" +
			eventList() + "\n" +
			"Data are hashed, parameters and toolchain captured, secrets taken out; --dry-run shows\n" +
			"exactly what would be logged.\n\n" +
			"Exit status: 0 recorded, 1 the ledger is damaged, 2 usage, 3 could not run and\nnothing was recorded, 130 interrupted and nothing was recorded.",
		Flags:  recordFlags(),
		Action: func(c *cli.Context) error { return recordAction(c, e) },
	}
}

// eventList names the events with what they mean.
func eventList() string {
	var b strings.Builder
	for _, k := range recordable() {
		fmt.Fprintf(&b, "  %-19s %s\n", k.Event, k.Summary)
	}
	return b.String()
}

// recordable lists the events that `record` makes: those about keys have
// commands of their own.
func recordable() []audit.Kind {
	return slices.DeleteFunc(audit.Kinds(), func(k audit.Kind) bool {
		return k.Scope == audit.OfLedger && k.Event != audit.PolicyChanged
	})
}

// A draft is a record in the making.
type draft struct {
	*collect.Collector
	c      *cli.Context
	kind   audit.Kind
	p      *audit.Predicate
	ledger string // its folder
}

func recordAction(c *cli.Context, e *env) error {
	kind, err := eventArgument(c)
	if err != nil {
		return err
	}
	if err := checkFlags(c, kind); err != nil {
		return err
	}
	dry := c.Bool("dry-run")
	signer, public, err := e.signer(c, dry)
	if err != nil {
		return err
	}
	s, err := e.openLedger(c, !dry && c.String("out") == "")
	if err != nil {
		return err
	}
	defer s.Close()
	d, err := e.newDraft(c, s, kind, public, dry)
	if err != nil {
		return err
	}
	if err := d.collect(s); err != nil {
		return err
	}
	if err := d.Redact(d.p); err != nil {
		return usageError(err, "names are kept as they are, so that they can be found: choose another")
	}
	if dry {
		return e.show(c, d.p)
	}
	record, err := audit.Seal(d.p, signer)
	if err != nil {
		return err
	}
	if out := c.String("out"); out != "" {
		return e.writeEnvelope(c, out, record)
	}
	sealed, err := audit.Open(record)
	if err != nil {
		return err
	}
	return e.append(c, s, sealed)
}

func eventArgument(c *cli.Context) (audit.Kind, error) {
	switch c.NArg() {
	case 0:
		return audit.Kind{}, clikit.Usagef("auditlog record train.started …; `auditlog explain` lists the events", "no event given")
	case 1:
	default:
		return audit.Kind{}, clikit.Usagef("values of flags follow the flag, as in --data DIR", "unexpected argument %q", c.Args().Get(1))
	}
	kind, err := kindOf(c.Args().First())
	if err != nil {
		return kind, err
	}
	if !isRecordable(kind) {
		return kind, clikit.Usagef(otherMaker(kind.Event), "%s has a command of its own", kind.Event)
	}
	return kind, nil
}

// signer reads the signing key; for a dry run its public half alone, which
// needs no passphrase. The key is asked for before anything is hashed.
func (e *env) signer(c *cli.Context, dry bool) (*keys.Private, keys.Public, error) {
	if dry {
		path, err := keyPath(c)
		if err != nil {
			return nil, keys.Public{}, err
		}
		if public, err := keys.LoadPublic(path); err == nil {
			return nil, public, nil
		}
	}
	k, err := e.openKey(c)
	if err != nil {
		return nil, keys.Public{}, err
	}
	return k, k.Public(), nil
}

func (e *env) newDraft(c *cli.Context, s *store.Store, kind audit.Kind, signer keys.Public, dry bool) (*draft, error) {
	siteKey, err := s.SiteKey()
	if err != nil {
		return nil, err
	}
	blobs := s.Blobs
	if dry {
		blobs = store.Blobs{}
	}
	collector, err := collect.New(siteKey, blobs)
	if err != nil {
		return nil, err
	}
	if collector.Fingerprint, err = e.hashOptions(c); err != nil {
		return nil, err
	}
	p := collect.Begin(kind.Event, audit.Actor{ID: actorOf(c, signer), KeyID: signer.ID()})
	return &draft{Collector: collector, c: c, kind: kind, p: p, ledger: s.Dir()}, nil
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

// append appends a record and says where it is.
func (e *env) append(c *cli.Context, s *store.Store, record *audit.Record) error {
	receipt, err := s.Append(c.Context, record.Bytes)
	if err != nil {
		return err
	}
	if receipt.Known {
		e.remark(c, "it was recorded before, as record %d; nothing was added", receipt.Index)
	}
	type appended struct {
		V      int    `json:"v"`
		Index  int64  `json:"index,string"`
		Size   int64  `json:"size,string"`
		Digest string `json:"sha3_512"`
		Known  bool   `json:"known"`
	}
	a := appended{1, receipt.Index, receipt.Size, record.Digest(), receipt.Known}
	if receipt.Known {
		entry, err := s.Log.Get(c.Context, receipt.Index)
		if err != nil {
			return err
		}
		a.Digest = audit.DigestOf(entry.Record)
	}
	return e.result(c, a, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "record %d  sha3-512 %s\n", a.Index, a.Digest)
		return err
	})
}
