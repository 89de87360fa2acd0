package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

func anchorCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "anchor", Usage: "have a network of Hyperledger Fabric take the signed head of a local ledger",
		Description: "The network holds each head against the one that it took last, and refuses a ledger that\n" +
			"was forked, or rolled back, whoever has log.key. The evidence lies in the ledger's folder,\n" +
			"in anchors/: `auditlog verify --trust FILE` verifies it, with no network, and so does a\n" +
			"bundle that carries it. `auditlog keys show --trust-file --anchor fabric:PROFILE` puts the\n" +
			"network into the trust file.\n\n" +
			"With --every it goes on until Ctrl-C, which lets the anchor under way end. A network that\n" +
			"cannot be reached is waited for; a ledger that does not continue what was anchored is not.\n" +
			"After a key of the log was replaced, anchor at once: until then the network takes the word\n" +
			"of the old one.\n\n" +
			"Exit status: 0 anchored, or ended by Ctrl-C; 1 the ledger is damaged, or does not continue\n" +
			"what was anchored; 2 usage; 3 could not run to the end.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the network, `fabric:FILE`, by its profile"},
			&cli.DurationFlag{Name: "every", Usage: "anchor again and again, as often as `TIME` says, such as 2s"},
		},
		Action: func(c *cli.Context) error { return anchorAction(c, e) },
	}
}

// A shownAnchor is an anchor as commands print it.
type shownAnchor struct {
	V       int         `json:"v"`
	Network string      `json:"network"`
	Genesis string      `json:"genesis"`
	Origin  string      `json:"origin"`
	Size    int64       `json:"size"`
	Root    ledger.Hash `json:"root"`
	Tx      string      `json:"transaction"`
	Block   uint64      `json:"block"`
	// Time is what the client of the transaction says.
	Time          string   `json:"time"`
	Organisations []string `json:"organisations"`
	Orderers      []string `json:"orderers"`
	File          string   `json:"file"` // of the evidence
}

func shownAnchorOf(a *anchored.Anchor, file string) shownAnchor {
	return shownAnchor{
		1, a.Network, a.Genesis, a.Origin, a.Size, a.Root, a.Tx, a.Block, audit.FormatTime(a.Time),
		append([]string{}, a.Organisations...), append([]string{}, a.Orderers...), file,
	}
}

const anchorExample = "auditlog anchor --ledger DIR --to fabric:PROFILE"

func anchorAction(c *cli.Context, e *env) error {
	if err := flagsOnly(c, anchorExample, "to"); err != nil {
		return err
	}
	if c.IsSet("every") && c.Duration("every") <= 0 {
		return clikit.Usagef("--every 2s", "--every %v is no time", c.Duration("every"))
	}
	place, err := ledgerPlace(c)
	if err != nil {
		return err
	}
	if _, on := store.OnFabric(place); on {
		return clikit.Usagef("--ledger DIR names a folder", "%q is on a network already, which vouches for it", place)
	}
	network, err := openNetwork(c.String("to"), "--to")
	if err != nil {
		return err
	}
	defer network.Close()
	a := &anchoring{c: c, e: e, place: place, network: network}
	if c.Duration("every") == 0 {
		return a.once(c.Context)
	}
	return a.every(c.Duration("every"))
}

const networkHint = "organisations in a profile are those whose word counts: `auditlog fabric profile` shows how they are written"

// networkProfile reads the profile of fabric:PROFILE, which a flag names.
func networkProfile(place, flag string) (*fabric.Profile, error) {
	const hint = "`auditlog fabric profile > audit.yaml` prints one to fill in"
	file, on := store.OnFabric(place)
	if !on {
		return nil, clikit.Usagef(hint, "%s %q: want fabric: and the file of a profile", flag, place)
	}
	p, err := fabric.LoadProfile(file)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", flag, err), hint)
	}
	return p, nil
}

// openNetwork connects to the network of fabric:PROFILE, which a flag names.
func openNetwork(place, flag string) (*fabric.Ledger, error) {
	p, err := networkProfile(place, flag)
	if err != nil {
		return nil, err
	}
	if _, err := p.Network(); err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", flag, err), networkHint)
	}
	l, err := fabric.Open(p, audit.KeysOf)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", flag, err), "")
	}
	return l, nil
}

// anchoring is what anchors a ledger.
type anchoring struct {
	c       *cli.Context
	e       *env
	place   string
	network *fabric.Ledger

	last    *shownAnchor // the newest that was printed
	trouble time.Time    // since then the network does not do it
	away    atomic.Bool  // that was said
	giveUp  context.CancelFunc
	said    string // why the last attempt failed, so that it is said once
}

// once anchors the newest head, keeps the evidence, and prints it.
func (a *anchoring) once(ctx context.Context) error {
	s, err := store.Open(ctx, a.place, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	subject, err := anchorSubject(ctx, s)
	if err != nil {
		return err
	}
	if head, err := subject.Log.Head(ctx); err != nil {
		return err
	} else if a.last != nil && a.last.Size == head.Size && a.last.Root == head.Root {
		return nil
	}
	subject.Tell = a.waiting
	evidence, got, err := a.network.Anchor(ctx, subject)
	if err != nil {
		return sayAnchor(err)
	}
	if a.away.Swap(false) {
		a.e.remark(a.c, "the network answers again, after %v", time.Since(a.trouble).Round(time.Second))
	}
	a.trouble, a.said = time.Time{}, ""
	file, err := s.KeepAnchor(evidence, got)
	if err != nil {
		return err
	}
	if a.last != nil && a.last.Tx == got.Tx {
		return nil
	}
	out := shownAnchorOf(got, file)
	a.last = &out
	return a.print(out)
}

// sayAnchor gives errors of anchoring their words.
func sayAnchor(err error) error {
	return advise(err, []advice{
		{ledger.ErrRollback, clikit.Findings, "an old copy of the ledger was put back, or it was forked: keep both, and ask who had access; `auditlog verify` compares it with the evidence in its folder"},
		{ledger.ErrReadOnly, clikit.Failed, "the certificate authority of your organisation issues certificates with the attribute auditlog.role=writer"},
		{ledger.ErrInvalid, clikit.Failed, "the network does not take it as the checkpoint of this ledger: `auditlog verify` says whether the ledger is as it should be"},
	})
}

// waiting is told why the network has not taken a head yet.
func (a *anchoring) waiting(err error) {
	if a.c.Context.Err() != nil && a.giveUp != nil {
		a.giveUp() // it was to end after this attempt
	}
	if a.trouble.IsZero() {
		a.trouble = time.Now()
	}
	if !a.away.Load() && time.Since(a.trouble) > patience {
		a.away.Store(true)
		a.e.remark(a.c, "the network has not taken it for %v, and is asked again: %v", time.Since(a.trouble).Round(time.Second), err)
	}
}

// every anchors until Ctrl-C, and gives an anchor that is under way then the time
// to end, unless the network is not there anyway.
func (a *anchoring) every(interval time.Duration) error {
	for a.c.Context.Err() == nil {
		next := time.After(interval)
		if err := a.underWay(); err != nil {
			return err
		}
		select {
		case <-next:
		case <-a.c.Context.Done():
		}
	}
	return nil
}

// ending is how long an anchor may still take when it is to end.
const ending = 10 * time.Second

func (a *anchoring) underWay() error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.c.Context))
	defer cancel()
	a.giveUp = cancel
	stop := context.AfterFunc(a.c.Context, func() {
		if a.away.Load() {
			cancel()
			return
		}
		time.AfterFunc(ending, cancel)
	})
	defer stop()
	err := a.once(ctx)
	var said *clikit.Error
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case errors.As(err, &said), errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrRollback), !fabric.MayRecover(err):
		return err
	}
	a.away.Store(true)
	if said := err.Error(); said != a.said {
		a.said = said
		a.e.remark(a.c, "not anchored, and tried again: %v", err)
	}
	return nil
}

func (a *anchoring) print(s shownAnchor) error {
	if a.c.Bool("json") {
		w := json.NewEncoder(a.e.stdout)
		w.SetEscapeHTML(false)
		if a.c.Duration("every") == 0 {
			w.SetIndent("", "  ")
		}
		return w.Encode(s)
	}
	if a.c.Duration("every") > 0 {
		_, err := fmt.Fprintf(a.e.stdout, "anchored %d  %s  block %d  %s\n", s.Size, s.Time, s.Block, s.Tx)
		return err
	}
	return s.print(a.e.stdout)
}

func (s shownAnchor) print(w io.Writer) error {
	by := strings.Join(s.Orderers, ", ")
	if by == "" {
		by = "nobody that the profile names"
	}
	_, err := fmt.Fprintf(w, "anchored     %d records, root %s\nnetwork      %s\ntransaction  %s\nblock        %d, ordered by %s\nendorsed by  %s\ntime         %s\nevidence     %s\n",
		s.Size, s.Root, s.Network, s.Tx, s.Block, by, strings.Join(s.Organisations, ", "), s.Time, s.File)
	return err
}

// anchorSubject is a ledger in a folder as it is anchored: with what a writer looks
// at before it goes on, so that nothing damaged is passed on.
func anchorSubject(ctx context.Context, s *store.Store) (fabric.Subject, error) {
	head, err := s.Tiles().Sound(ctx)
	if err != nil {
		return fabric.Subject{}, err
	}
	ring, err := trust.Load(ctx, s.Log, head.Size)
	if err != nil {
		return fabric.Subject{}, err
	}
	if ring.Genesis() == "" {
		return fabric.Subject{}, &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("%s has no valid first record: no key is trusted", s.Dir()), Hint: "`auditlog verify` says what is wrong with it"}
	}
	return fabric.Subject{
		Genesis: ring.Genesis(), Log: sound{s.Tiles()},
		Keys: func(ctx context.Context, size int64) ([]ledger.Entry, error) { return keyRecords(ctx, s, size) },
	}, nil
}

// sound is a log whose heads were looked at as a writer does.
type sound struct{ *tlog.Log }

func (s sound) Head(ctx context.Context) (ledger.Head, error) { return s.Sound(ctx) }

// keyRecords gives the valid records about keys and policy of the first size
// records: those that changed something.
func keyRecords(ctx context.Context, s *store.Store, size int64) ([]ledger.Entry, error) {
	ring, err := trust.Load(ctx, s.Log, size)
	if err != nil {
		return nil, err
	}
	var all []ledger.Entry
	for _, change := range slices.DeleteFunc(ring.Changes(), func(c trust.Change) bool { return !c.Verdict.OK() }) {
		entry, err := s.Log.Get(ctx, change.Index)
		if err != nil {
			return nil, err
		}
		all = append(all, entry)
	}
	return all, nil
}
