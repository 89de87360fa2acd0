package bundle

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/ledger"
)

// memory is as much of a ledger as Write needs.
type memory struct {
	ledger.Ledger
	origin  string
	signer  note.Signer
	records [][]byte
	hashes  []tlog.Hash
}

func (m *memory) ReadHashes(at []int64) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, i := range at {
		all = append(all, m.hashes[i])
	}
	return all, nil
}

func (m *memory) Append(_ context.Context, record []byte) (ledger.Receipt, error) {
	n := int64(len(m.records))
	hashes, err := tlog.StoredHashes(n, record, m)
	if err != nil {
		return ledger.Receipt{}, err
	}
	m.records, m.hashes = append(m.records, record), append(m.hashes, hashes...)
	return ledger.Receipt{Index: n, Size: n + 1}, nil
}

func (m *memory) Head(context.Context) (ledger.Head, error) {
	n := int64(len(m.records))
	root, err := tlog.TreeHash(n, m)
	if err != nil {
		return ledger.Head{}, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", m.origin, n, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, m.signer)
	return ledger.Head{Origin: m.origin, Size: n, Root: root, Note: signed}, err
}

func (m *memory) Get(_ context.Context, i int64) (ledger.Entry, error) {
	if i < 0 {
		return ledger.Entry{}, ledger.ErrInvalid
	}
	if i >= int64(len(m.records)) {
		return ledger.Entry{}, ledger.ErrNotFound
	}
	return ledger.Entry{Index: i, Record: m.records[i]}, nil
}

func (m *memory) Find(_ context.Context, size, from int64, key ledger.Key) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for i := from; i < size; i++ {
			keys, err := audit.KeysOf(m.records[i])
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			for _, k := range keys.Index {
				if k == key {
					if !yield(ledger.Entry{Index: i, Record: m.records[i]}, nil) {
						return
					}
					break
				}
			}
		}
	}
}

func (m *memory) ProveInclusion(_ context.Context, size, i int64) (ledger.Proof, error) {
	p, err := tlog.ProveRecord(size, i, m)
	return ledger.Proof(p), err
}
