package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

func signCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "sign", Usage: "add a signature to a record that is not in the ledger yet", ArgsUsage: "FILE",
		Description: "FILE is what `auditlog record … --out FILE` wrote. It is shown before it is signed:\nread what you sign. No ledger is needed.\n\n" +
			"Exit status: 0 signed, 2 usage, 3 could not be read or written.",
		Action: func(c *cli.Context) error { return signAction(c, e) },
	}
}

func signAction(c *cli.Context, e *env) error {
	file, record, err := readEnvelope(c)
	if err != nil {
		return err
	}
	if err := e.describe(c, record); err != nil {
		return err
	}
	k, err := e.openKey(c)
	if err != nil {
		return err
	}
	signed, err := dsse.Add(record.Bytes, k)
	if errors.Is(err, dsse.ErrSigned) {
		return usageError(err, "--key FILE names another key")
	} else if err != nil {
		return err
	}
	if err := durable.WriteFile(file, signed, 0o644); err != nil {
		return err
	}
	type added struct {
		V          int    `json:"v"`
		File       string `json:"file"`
		KeyID      string `json:"keyId"`
		Signatures int    `json:"signatures"`
		Digest     string `json:"sha3_512"`
	}
	a := added{1, file, k.Public().ID(), len(record.Envelope.Signatures) + 1, audit.DigestOf(signed)}
	return e.result(c, a, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  signed by %s, signatures: %d\n", file, k.Public(), a.Signatures)
		return err
	})
}

// describe shows what is about to be signed.
func (e *env) describe(c *cli.Context, r *audit.Record) error {
	p := r.Predicate()
	e.remark(c, "%s of %s, said by %s at %s", p.Event, subjectOf(p), p.Actor.ID, p.Time.Claimed)
	return nil
}

// subjectOf names what a record is about.
func subjectOf(p *audit.Predicate) string {
	switch {
	case p.Run != "":
		return fmt.Sprintf("%q %q, run %q", p.Model, p.Version, p.Run)
	case p.Model != "":
		return fmt.Sprintf("%q %q", p.Model, p.Version)
	case len(p.Data) > 0:
		return fmt.Sprintf("data %q", p.Data[0].Name)
	}
	return "the ledger"
}

func appendCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "append", Usage: "put a signed record into the ledger", ArgsUsage: "FILE",
		Description: "FILE is what `auditlog record … --out FILE` and `auditlog sign FILE` wrote.\n\n" +
			"Exit status: 0 recorded, 1 the ledger is damaged, 2 usage, or not signed as the policy\nasks, 3 could not run.",
		Action: func(c *cli.Context) error {
			_, record, err := readEnvelope(c)
			if err != nil {
				return err
			}
			s, err := e.openLedger(c, true)
			if err != nil {
				return err
			}
			defer s.Close()
			ring, size, err := keyring(c, s)
			if err != nil {
				return err
			}
			return e.append(c, s, ring, size, record)
		},
	}
}

// readEnvelope reads the record in the file that the argument names.
func readEnvelope(c *cli.Context) (string, *audit.Record, error) {
	if c.NArg() != 1 {
		return "", nil, clikit.Usagef("`auditlog record EVENT … --out FILE` writes one", "want one file, got %d", c.NArg())
	}
	file := c.Args().First()
	data, err := readFile(file, ledger.MaxRecord+1)
	if err != nil {
		return "", nil, usageError(err, "`auditlog record EVENT … --out FILE` writes one")
	}
	record, err := audit.Open(data)
	if err != nil {
		return "", nil, usageError(fmt.Errorf("%s: %w", file, err), "`auditlog record EVENT … --out FILE` writes one; it must not be changed by hand")
	}
	return file, record, nil
}
