package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

func statusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "say what the ledger holds: size, head, keys, last record, open runs",
		Description: "An open run has begun and has not ended. To verify the ledger is `auditlog verify`.\n\n" +
			"Exit status: 0 printed, 1 the ledger is damaged, 2 usage, 3 could not run.",
		Action: func(c *cli.Context) error { return statusAction(c, e) },
	}
}

// A statusReport is what `status` prints.
type statusReport struct {
	V      int          `json:"v"`
	Ledger string       `json:"ledger"`
	Mirror bool         `json:"mirror,omitempty"` // it follows another ledger
	Origin string       `json:"origin"`
	Size   int64        `json:"size"`
	Root   ledger.Hash  `json:"root"`
	Log    string       `json:"log"` // verifier key
	Keys   []shownKey   `json:"keys"`
	Last   *shownRecord `json:"last"`
	Runs   []openRun    `json:"openRuns"`
	// Anchors are the newest of each network, as the evidence in the folder has
	// them: by whose word, is for a trust file to say.
	Anchors []shownAnchor `json:"anchors,omitempty"`
}

// A shownRecord is a record in short.
type shownRecord struct {
	Index int64       `json:"index"`
	Event audit.Event `json:"event"`
	Time  string      `json:"time"`
	// Signers are the keys whose signatures hold, by name: what the record says
	// of its actor is what the signer wrote.
	Signers []string `json:"signers"`
	Digest  string   `json:"sha3_512"`
}

// An openRun is a run of training that has not ended.
type openRun struct {
	Index   int64  `json:"index"` // of its beginning
	Model   string `json:"modelId"`
	Version string `json:"version"`
	Run     string `json:"runId"`
	Since   string `json:"since"`
}

func statusAction(c *cli.Context, e *env) error {
	if err := flagsOnly(c, "auditlog status --ledger DIR"); err != nil {
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
	r := statusReport{V: 1, Ledger: s.Place(), Mirror: s.Mirror != nil, Origin: head.Origin, Size: head.Size, Root: head.Root}
	ring, size, err := keyring(c, s)
	if err != nil {
		return err
	}
	r.Log, r.Keys = ring.LogKey(), shownKeys(ring, size, false)
	if head.Size > 0 {
		if r.Last, err = recordAt(c.Context, s, ring, head.Size-1); err != nil {
			return err
		}
	}
	if r.Runs, err = openRuns(c.Context, s, head.Size); err != nil {
		return err
	}
	if r.Anchors, err = newestAnchors(s, ring); err != nil {
		return err
	}
	return e.result(c, r, func(w io.Writer) error {
		fmt.Fprintf(w, "ledger  %s\n", r.Ledger)
		if r.Mirror {
			fmt.Fprintln(w, "mirror  it follows another ledger, and nothing is recorded in it")
		}
		fmt.Fprintf(w, "origin  %s\nsize    %d\nroot    %s\nlog     %s\n", r.Origin, r.Size, r.Root, shownLog(r.Log))
		printKeys(w, r.Keys)
		if r.Last != nil {
			by := strings.Join(r.Last.Signers, ", ")
			if by == "" {
				by = "signed by nobody who is believed"
			}
			fmt.Fprintf(w, "last    %d  %s  %s  %s\n", r.Last.Index, r.Last.Event, r.Last.Time, printable(by))
		}
		for _, a := range r.Anchors {
			fmt.Fprintf(w, "anchor  %d records  %s  block %d of %s, endorsed by %s\n", a.Size, a.Time, a.Block, a.Network, strings.Join(a.Organisations, ", "))
		}
		for _, run := range r.Runs {
			fmt.Fprintf(w, "open    %d  %s %s  run %s  since %s\n", run.Index, printable(run.Model), printable(run.Version), printable(run.Run), run.Since)
		}
		return nil
	})
}

// newestAnchors gives the newest anchor of each network, by the evidence that is
// kept, each verified with its own key.
func newestAnchors(s *store.Store, ring *trust.Keyring) ([]shownAnchor, error) {
	files, err := s.NewestAnchors()
	if err != nil {
		return nil, err
	}
	var all []shownAnchor
	for _, f := range files {
		evidence, err := f.Read()
		var a *anchored.Anchor
		if err == nil {
			a, err = ring.CheckEvidence(evidence)
		}
		if err != nil {
			return nil, badEvidence(f, err)
		}
		all = append(all, shownAnchorOf(a, f.Path))
	}
	return all, nil
}

func recordAt(ctx context.Context, s *store.Store, ring *trust.Keyring, index int64) (*shownRecord, error) {
	entry, err := s.Log.Get(ctx, index)
	if err != nil {
		return nil, err
	}
	r, err := audit.Open(entry.Record)
	if err != nil {
		return nil, &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("record %d: %w", index, err), Hint: "`auditlog verify` names every record that cannot be read"}
	}
	p := r.Predicate()
	shown := &shownRecord{Index: index, Event: p.Event, Time: p.Time.Claimed, Signers: []string{}, Digest: r.Digest()}
	for _, signer := range ring.Judge(index, r).Signers {
		shown.Signers = append(shown.Signers, signer.Name)
	}
	return shown, nil
}

// openRuns lists the runs that began and did not end, in order of their
// beginning. A run is the same by model, version and id.
func openRuns(ctx context.Context, s *store.Store, size int64) ([]openRun, error) {
	type name struct{ model, version, run string }
	ended := map[name]bool{}
	var began []openRun
	for _, kind := range audit.Kinds() {
		begins := kind.Event == audit.TrainStarted
		if !begins && !kind.Event.EndsRun() {
			continue
		}
		for entry, err := range s.Log.Find(ctx, size, 0, ledger.Key{Name: audit.KeyEvent, Value: string(kind.Event)}) {
			if err != nil {
				return nil, err
			}
			r, err := audit.Open(entry.Record)
			if err != nil {
				continue // `verify` says so
			}
			p := r.Predicate()
			if begins {
				began = append(began, openRun{entry.Index, p.Model, p.Version, p.Run, p.Time.Claimed})
			} else {
				ended[name{p.Model, p.Version, p.Run}] = true
			}
		}
	}
	open := []openRun{}
	for _, run := range began {
		if n := (name{run.Model, run.Version, run.Run}); !ended[n] {
			ended[n] = true // begun twice, it is listed once
			open = append(open, run)
		}
	}
	return open, nil
}
