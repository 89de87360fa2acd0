package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// The newest checkpoint that a witness cosigned is kept in a file of its own,
// and its cosignature is put into the checkpoint of the log for as long as that
// has the same text. So no cosignature is lost, neither to the next append nor
// to one that came while the witness was thinking; and the size that a witness
// knows is known here.

func (c *cosigner) path() string { return "cosigned/" + c.hex() }

// witnesses are what a log knows of its own.
type witnesses struct {
	cosigners []*cosigner
	client    *http.Client
	appended  chan struct{} // has room for one: there is a head to be cosigned
	asking    chan struct{} // has room for one: held while they are asked
	ended     chan struct{} // closed when witnessAll has ended
}

func newWitnesses(o Options) (*witnesses, error) {
	w := &witnesses{client: witnessClient(), appended: make(chan struct{}, 1), asking: make(chan struct{}, 1), ended: make(chan struct{})}
	if o.Quorum < 0 || o.Quorum > len(o.Witnesses) {
		return nil, fmt.Errorf("%w: a quorum of %d among %d witnesses", ledger.ErrInvalid, o.Quorum, len(o.Witnesses))
	}
	for _, witness := range o.Witnesses {
		c, err := newCosigner(witness)
		if err != nil {
			return nil, err
		}
		for _, other := range w.cosigners {
			if other.id == c.id { // of the same name too, but for a chance of 2^-32
				return nil, fmt.Errorf("%w: witness %q is listed twice", ledger.ErrInvalid, c.name)
			}
		}
		w.cosigners = append(w.cosigners, c)
	}
	return w, nil
}

// wake has witnessAll look for a new head.
func (w *witnesses) wake() {
	select {
	case w.appended <- struct{}{}:
	default: // it will look anyway
	}
}

// witnessAll asks the witnesses after appends, until the log is closed.
func (l *Log) witnessAll() {
	defer close(l.witnesses.ended)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-l.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-l.witnesses.appended:
		case <-l.closing:
			return
		}
		if got, err := l.Witness(ctx); !l.isClosed() {
			l.o.OnWitness(got, err)
		}
	}
}

// Witness has the witnesses cosign the newest checkpoint, those that have not
// yet, and puts their cosignatures into it. It returns the cosignatures that
// the newest checkpoint then has, and what went wrong with each of the others:
// a witness that has seen more records, or others, is ErrRollback. Records are
// durable without.
//
// It waits for each witness, all at once, for up to ten seconds. While appends
// go on, the checkpoint moves on under the cosignatures, which are then kept
// beside it: see Report.Witnessed.
func (l *Log) Witness(ctx context.Context) ([]Cosignature, error) {
	select {
	case l.witnesses.asking <- struct{}{}:
		defer func() { <-l.witnesses.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	errs := make([]error, len(l.witnesses.cosigners)+1)
	got := make([][]byte, len(l.witnesses.cosigners)) // checkpoints with one cosignature
	var wg sync.WaitGroup
	for i, c := range l.witnesses.cosigners {
		if c.url != "" {
			wg.Go(func() { got[i], errs[i] = l.witness(ctx, c) })
		}
	}
	wg.Wait()
	head, err := l.attach(ctx, got)
	errs[len(errs)-1] = err
	var all []Cosignature
	for _, c := range l.witnesses.cosigners {
		if sig, _ := c.open(head.Note); sig != nil {
			all = append(all, Cosignature{c.name, head.Size, cosignedAt(sig)})
		}
	}
	return all, errors.Join(errs...)
}

// witness asks one witness, unless it has cosigned the newest checkpoint.
func (l *Log) witness(ctx context.Context, c *cosigner) (cosigned []byte, err error) {
	last := int64(-1)
	for {
		err := l.view(ctx, func(t tree) error {
			// A damaged file says nothing of what the witness knows; it will.
			have, _, err := l.cosigned(c)
			if err != nil && !errors.Is(err, ledger.ErrCorrupt) || t.head.Size == 0 || have.Size == t.head.Size && have.Root == t.head.Root {
				return err
			}
			sig, err := c.ask(ctx, l.witnesses.client, t, min(have.Size, t.head.Size))
			if err == nil {
				cosigned, err = l.withSignatures(t.head.Note, *sig)
			}
			return err
		})
		ahead := errAhead{}
		if !errors.As(err, &ahead) {
			return cosigned, err
		}
		// Another process may have appended, and asked for more than we had.
		if head, err2 := l.Head(ctx); err2 != nil || head.Size <= max(ahead.given, last) {
			return nil, errors.Join(fmt.Errorf("%w: %w", ledger.ErrRollback, err), err2)
		}
		last = ahead.given
	}
}

// cosigned returns the newest head that a witness is known to have cosigned, or
// an empty one.
func (l *Log) cosigned(c *cosigner) (ledger.Head, *note.Signature, error) {
	name := l.path(c.path())
	data, err := durable.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Head{}, nil, nil
	}
	if err != nil {
		return ledger.Head{}, nil, err
	}
	h, err := l.parseCheckpoint(data)
	if err == nil {
		var sig *note.Signature
		if sig, err = c.open(data); err == nil && sig != nil {
			return h, sig, nil
		}
		if err == nil {
			err = fmt.Errorf("has no cosignature of %s", c.name)
		}
	}
	return ledger.Head{}, nil, corrupt(name, "%v", err)
}

// attach keeps checkpoints with new cosignatures, by witness, and puts all
// cosignatures of the newest checkpoint into it. It returns that.
func (l *Log) attach(ctx context.Context, got [][]byte) (ledger.Head, error) {
	unlock, err := l.lock(ctx.Done())
	if err != nil {
		return ledger.Head{}, errors.Join(ctx.Err(), err)
	}
	defer unlock()
	for i, c := range l.witnesses.cosigners {
		if got[i] == nil {
			continue
		}
		new, err := l.parseCheckpoint(got[i])
		if err != nil {
			return ledger.Head{}, err
		}
		have, _, err := l.cosigned(c)
		if err != nil && !errors.Is(err, ledger.ErrCorrupt) {
			return ledger.Head{}, err
		}
		if have.Size > new.Size { // another process was faster
			continue
		}
		if err := l.disk.WriteFile(l.dir, l.path(c.path()), got[i]); err != nil {
			return ledger.Head{}, err
		}
	}
	t, err := l.load()
	if err != nil {
		return ledger.Head{}, err
	}
	var sigs []note.Signature
	for _, c := range l.witnesses.cosigners {
		if have, sig, err := l.cosigned(c); err == nil && have.Size == t.head.Size && have.Root == t.head.Root {
			sigs = append(sigs, *sig)
		}
	}
	data, err := l.withSignatures(t.head.Note, sigs...)
	if err != nil || bytes.Equal(data, t.head.Note) {
		return t.head, err
	}
	// The same head with more signatures: readers take the one or the other.
	if err := l.disk.WriteFile(l.dir, l.path("checkpoint"), data); err != nil {
		return t.head, err
	}
	t.head.Note = data
	l.saw(t.head)
	return t.head, nil
}

// withSignatures is a checkpoint with signatures more, each in the place of
// what it has of the same key.
func (l *Log) withSignatures(checkpoint []byte, sigs ...note.Signature) ([]byte, error) {
	n, err := note.Open(checkpoint, l.verifiers)
	if err != nil {
		return nil, err
	}
	all := append(n.Sigs, n.UnverifiedSigs...)
	for _, s := range sigs {
		same := func(o note.Signature) bool { return o.Name == s.Name && o.Hash == s.Hash }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = s
		} else {
			all = append(all, s)
		}
	}
	data := append([]byte(n.Text), '\n')
	for _, s := range all {
		data = fmt.Appendf(data, "— %s %s\n", s.Name, s.Base64)
	}
	return data, nil
}

// witnesses checks the cosignatures that the log has, and whether there are
// enough of them.
func (v *verification) witnesses() error {
	l, head := v.t.l, v.t.head
	var sizes []int64
	known := slices.Clone(l.o.Verifiers)
	for _, c := range l.witnesses.cosigners {
		known = append(known, c)
		newest, sig, err := l.cosigned(c)
		if err != nil && !errors.Is(err, ledger.ErrCorrupt) {
			return err
		}
		if err == nil && newest.Size > 0 {
			if err = v.t.continues(newest, l.path(c.path())); err != nil && errors.Is(err, fs.ErrNotExist) {
				return err // the log moved on, or a fault that was told
			}
		}
		if err != nil {
			f, _ := faultOf(err)
			v.fault(c.path(), -1, "%s", f.Problem)
			newest = ledger.Head{}
		}
		attached, err := c.open(head.Note)
		if err != nil {
			v.fault("checkpoint", -1, "%v", err)
		}
		if attached != nil {
			newest, sig = head, attached
		}
		if newest.Size > 0 {
			v.cosignatures = append(v.cosignatures, Cosignature{c.name, newest.Size, cosignedAt(sig)})
			sizes = append(sizes, newest.Size)
		}
		if newest.Size < head.Size {
			v.note("witness %s has cosigned %d of %d records", c.name, newest.Size, head.Size)
		}
	}
	n, err := note.Open(head.Note, note.VerifierList(known...))
	if err == nil {
		for _, s := range n.UnverifiedSigs {
			v.note("%s: the signature of %q is of a key (%08x) that is not known here, and was not checked", l.path("checkpoint"), s.Name, s.Hash)
		}
	}
	slices.Sort(sizes)
	if need := max(l.o.Quorum, 1); len(sizes) >= need {
		v.witnessed = sizes[len(sizes)-need]
	}
	if l.o.Quorum > 0 && v.witnessed < head.Size {
		v.fault("checkpoint", -1, "%d witnesses must have cosigned its %d records; so many have cosigned the first %d", l.o.Quorum, head.Size, v.witnessed)
	}
	return nil
}
