package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

func checkpointCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "checkpoint", Usage: "print the signed head of the ledger, or hold it against an older one",
		Description: "Whoever keeps a checkpoint can tell later whether the ledger still begins with all that\n" +
			"it held then: keep them outside of the ledger, with people who do not run it.\n\n" +
			"Exit status: 0 printed, and consistent; 1 not consistent, or the ledger is damaged;\n2 usage, 3 could not run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "verify-against", Usage: "verify that the ledger continues the checkpoint in `FILE`"},
		},
		Action: func(c *cli.Context) error { return checkpointAction(c, e) },
	}
}

// A printedCheckpoint is what the command prints as JSON.
type printedCheckpoint struct {
	V          int           `json:"v"`
	Origin     string        `json:"origin"`
	Size       int64         `json:"size"`
	Root       ledger.Hash   `json:"root"`
	Checkpoint string        `json:"checkpoint"`
	Older      *consistentTo `json:"continues,omitempty"`
}

// consistentTo says that a tree continues an older one, with the proof.
type consistentTo struct {
	Size  int64        `json:"size"`
	Root  ledger.Hash  `json:"root"`
	Proof ledger.Proof `json:"proof"`
}

func checkpointAction(c *cli.Context, e *env) error {
	if err := flagsOnly(c, "auditlog checkpoint --verify-against FILE"); err != nil {
		return err
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
	head, ring, err := signed(c, s, head)
	if err != nil {
		return err
	}
	out := printedCheckpoint{1, head.Origin, head.Size, head.Root, string(head.Note), nil}
	if file := c.String("verify-against"); file != "" {
		if out.Older, err = continues(c, s, ring, head, file); err != nil {
			return err
		}
	}
	return e.result(c, out, func(w io.Writer) error {
		if out.Older != nil {
			_, err := fmt.Fprintf(w, "consistent: the %d records of the ledger begin with the %d of %s\n", head.Size, out.Older.Size, c.String("verify-against"))
			return err
		}
		_, err := w.Write(head.Note)
		return err
	})
}

// signed gives a head with the signature of a key that is the log's at its size,
// and the keys of the ledger.
func signed(c *cli.Context, s *store.Store, head ledger.Head) (ledger.Head, *trust.Keyring, error) {
	head, err := s.Sign(c.Context, head)
	if err != nil {
		return head, nil, err
	}
	ring, err := trust.Load(c.Context, s.Log, head.Size)
	if err != nil || s.Fabric() == nil { // a log in a folder is held to ledger.json
		return head, ring, err
	}
	if _, err := tlog.OpenCheckpoint(head.Note, head.Origin, ring.LogVerifiersAt(head.Size)...); err != nil {
		return head, nil, &clikit.Error{
			Code: clikit.Findings, Err: fmt.Errorf("the head of the ledger %w; by its records the key of the log is %s", err, trust.KeyNames(ring.LogVerifiersAt(head.Size))),
			Hint: "organisations, endorsements and orderers of the profile must be those of that key; `auditlog keys rotate --log` records others",
		}
	}
	return head, ring, nil
}

// continues verifies that the head continues the checkpoint in a file.
func continues(c *cli.Context, s *store.Store, ring *trust.Keyring, head ledger.Head, file string) (*consistentTo, error) {
	text, err := readFile(file, maxCheckpoint)
	if err != nil {
		return nil, usageError(err, "`auditlog checkpoint > FILE` writes one")
	}
	claimed, err := tlog.ReadCheckpoint(text)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", file, err), "`auditlog checkpoint > FILE` writes one")
	}
	if claimed.Origin != head.Origin {
		return nil, clikit.Usagef("give a checkpoint of this ledger", "%s is of ledger %q, this is %q", file, claimed.Origin, head.Origin)
	}
	older, err := tlog.OpenCheckpoint(text, head.Origin, ring.LogVerifiersAt(claimed.Size)...)
	if err != nil {
		return nil, &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("%s: %w", file, err), Hint: "no key of this ledger signed it: it is forged, or of another ledger of that name"}
	}
	failed := func(err error) error {
		return &clikit.Error{
			Code: clikit.Findings, Err: fmt.Errorf("the ledger does not continue %s, %d records: %w", file, older.Size, err),
			Hint: "records were removed or changed since then, or the ledger was forked: keep both, and ask who had access",
		}
	}
	if older.Size > head.Size {
		return nil, failed(fmt.Errorf("it has %d records: %w", head.Size, ledger.ErrRollback))
	}
	proof, err := s.Log.ProveConsistency(c.Context, head.Size, older.Size)
	if errors.Is(err, ledger.ErrCorrupt) {
		return nil, failed(err)
	} else if err != nil {
		return nil, err
	}
	if err := ledger.CheckConsistency(proof, head.Size, head.Root, older.Size, older.Root); err != nil {
		return nil, failed(err)
	}
	if proof == nil {
		proof = ledger.Proof{}
	}
	return &consistentTo{older.Size, older.Root, proof}, nil
}
