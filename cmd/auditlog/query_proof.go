package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/ledger"
)

// proven is an answer with what proves that its records are in the ledger.
type proven struct {
	V          int           `json:"v"` // 1
	Answer     any           `json:"answer"`
	Checkpoint string        `json:"checkpoint"`
	Records    []recordProof `json:"records"`
}

type recordProof struct {
	Index  int64        `json:"index"`
	Digest string       `json:"sha3_512"`
	Record []byte       `json:"record"` // as the ledger has it, base64
	Leaf   ledger.Hash  `json:"leafHash"`
	Proof  ledger.Proof `json:"proof"` // RFC 6962, from the leaf up
}

// prove proves each record of an answer, and verifies the proof.
func (a *asking) prove(answer any) (*proven, error) {
	p := &proven{V: 1, Checkpoint: string(a.Head.Note), Records: []recordProof{}}
	indices := recordsOf(answer)
	slices.Sort(indices)
	for _, i := range slices.Compact(indices) {
		entry, err := a.s.Log.Get(a.Context.Context, i)
		if err != nil {
			return nil, err
		}
		proof, err := a.Prove(a.Context.Context, i)
		if err == nil {
			err = ledger.CheckInclusion(proof, a.Head.Size, a.Head.Root, i, entry.Record)
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		if proof == nil {
			proof = ledger.Proof{}
		}
		p.Records = append(p.Records, recordProof{i, audit.DigestOf(entry.Record), entry.Record, ledger.RecordHash(entry.Record), proof})
	}
	return p, nil
}

// recordsOf lists the records that an answer rests on, as far as it names them.
func recordsOf(answer any) []int64 {
	var all []int64
	hits := func(list []query.Hit) {
		for _, h := range list {
			all = append(all, h.Index)
		}
	}
	mark := func(marks ...*lifecycle.Mark) {
		for _, m := range marks {
			if m != nil {
				all = append(all, m.Index)
			}
		}
	}
	switch a := answer.(type) {
	case *lifecycle.Timeline:
		for _, x := range a.Events {
			all = append(all, x.Index)
		}
	case *query.Runs:
		for _, r := range a.Runs {
			for _, x := range r.Events {
				all = append(all, x.Index)
			}
		}
	case *query.Model:
		for _, v := range a.Versions {
			mark(&v.First, &v.Last)
		}
	case *query.Hits:
		hits(a.Hits)
	case *query.Devices:
		for _, i := range a.Installations {
			mark(&i.From, i.Until)
		}
		hits(a.Faults)
	case *query.FileAnswer:
		for _, d := range a.Data {
			mark(&d.First)
			hits(d.Trained)
		}
	case *lifecycle.Difference:
		mark(a.A.Record, a.B.Record)
	}
	return all
}

func (p *proven) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nproofs against the checkpoint\n\n%s\n", p.Checkpoint)
	for _, r := range p.Records {
		fmt.Fprintf(&b, "record %d  sha3-512 %s\n  leaf %s\n", r.Index, r.Digest, r.Leaf)
		for _, h := range r.Proof {
			fmt.Fprintf(&b, "       %s\n", h)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
