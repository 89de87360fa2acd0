package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
)

func statusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "say what the ledger holds: size, head, keys, last record, open runs",
		Description: "Exit status: 0 printed, 1 the ledger is damaged, 2 usage, 3 could not run.",
		Action:      func(c *cli.Context) error { return statusAction(c, e) },
	}
}

// A statusReport is what `status` prints.
type statusReport struct {
	V      int         `json:"v"`
	Ledger string      `json:"ledger"`
	Origin string      `json:"origin"`
	Size   int64       `json:"size,string"`
	Root   ledger.Hash `json:"root"`
	Last   *lastRecord `json:"last"`
}

type lastRecord struct {
	Index  int64       `json:"index,string"`
	Event  audit.Event `json:"event"`
	Time   string      `json:"time"`
	Actor  string      `json:"actor"`
	Digest string      `json:"sha3_512"`
}

func statusAction(c *cli.Context, e *env) error {
	if c.NArg() > 0 {
		return clikit.Usagef("auditlog status --ledger DIR", "unexpected argument %q", c.Args().First())
	}
	s, err := e.openLedger(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.Log.Head(c.Context)
	if err != nil {
		return err
	}
	r := statusReport{V: 1, Ledger: s.Dir(), Origin: head.Origin, Size: head.Size, Root: head.Root}
	if head.Size > 0 {
		entry, err := s.Log.Get(c.Context, head.Size-1)
		if err != nil {
			return err
		}
		last, err := audit.Open(entry.Record)
		if err != nil {
			return fmt.Errorf("record %d: %w", entry.Index, err)
		}
		p := last.Predicate()
		r.Last = &lastRecord{entry.Index, p.Event, p.Time.Claimed, p.Actor.ID, last.Digest()}
	}
	return e.result(c, r, func(w io.Writer) error {
		fmt.Fprintf(w, "ledger  %s\norigin  %s\nsize    %d\nroot    %s\n", r.Ledger, r.Origin, r.Size, r.Root)
		if r.Last != nil {
			fmt.Fprintf(w, "last    %d  %s  %s  %s\n", r.Last.Index, r.Last.Event, r.Last.Time, r.Last.Actor)
		}
		return nil
	})
}
