package transfer

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/ledger"
)

// maxDifferences bounds what is listed; the rest is counted.
const maxDifferences = 100

// A Comparison is how two ledgers compare.
type Comparison struct {
	Compared    int64        // records, byte by byte
	Count       int64        // of those that differ
	Differences []Difference // the first of them
}

// A Difference is a record that is not the same in both.
type Difference struct {
	Index int64
	A, B  Side
}

// A Side is a record in one of two ledgers.
type Side struct {
	Digest string // SHA3-512, hexadecimal
	Size   int    // bytes
	Key    string // its idempotency key; empty if it has none
}

func side(record []byte) Side {
	s := Side{Digest: audit.DigestOf(record), Size: len(record)}
	if k, err := audit.KeysOf(record); err == nil {
		s.Key = k.ID
	}
	return s
}

// String is the difference in one line.
func (d Difference) String() string {
	return fmt.Sprintf("record %d has SHA3-512 %.16s… (%d bytes, key %q) in the one and %.16s… (%d bytes, key %q) in the other",
		d.Index, d.A.Digest, d.A.Size, d.A.Key, d.B.Digest, d.B.Size, d.B.Key)
}

// Compare compares the first records of two ledgers byte by byte. Progress, if
// not nil, is told how many were compared.
func Compare(ctx context.Context, a, b ledger.Ledger, size int64, progress func(int64)) (c Comparison, err error) {
	other, stop := iter.Pull2(b.Scan(ctx, size, 0))
	defer stop()
	for x, err := range a.Scan(ctx, size, 0) {
		if err != nil {
			return c, err
		}
		y, err, ok := other()
		if err != nil {
			return c, err
		}
		if !ok || x.Index != c.Compared || y.Index != c.Compared {
			return c, fmt.Errorf("%w: record %d was not given", ledger.ErrCorrupt, c.Compared)
		}
		if !bytes.Equal(x.Record, y.Record) {
			c.Count++
			if len(c.Differences) < maxDifferences {
				c.Differences = append(c.Differences, Difference{x.Index, side(x.Record), side(y.Record)})
			}
		}
		c.Compared++
		if progress != nil && (c.Compared%1024 == 0 || c.Compared == size) {
			progress(c.Compared)
		}
	}
	if c.Compared != size {
		return c, fmt.Errorf("%w: %d of %d records were given", ledger.ErrCorrupt, c.Compared, size)
	}
	return c, nil
}
