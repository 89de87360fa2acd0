package fabric

import (
	"context"
	"errors"

	"github.com/mmaudit/mmaudit/ledger"
)

// Bounds of a transaction of AppendAll. One of more than half a megabyte is a
// block of its own in most networks: nobody waits for the block time.
const (
	mostTogether  = 256     // as many as the chaincode takes
	bytesTogether = 1 << 20 // of records; what is ordered has each twice, and more
)

// AppendAll implements ledger.Batcher. Its transactions follow one another, each
// once the one before it is valid: two that are on their way together may be
// ordered the other way round.
func (l *Ledger) AppendAll(ctx context.Context, records [][]byte) (receipts []ledger.Receipt, err error) {
	for err == nil && len(receipts) < len(records) {
		rest := records[len(receipts):]
		n, size := 0, 0
		for n < min(len(rest), mostTogether) && (n == 0 || size+len(rest[n]) <= bytesTogether) {
			size += len(rest[n])
			n++
		}
		var some []ledger.Receipt
		some, err = l.together(ctx, rest[:n])
		receipts = append(receipts, some...)
	}
	return receipts, err
}

// together appends records that fit into one transaction.
func (l *Ledger) together(ctx context.Context, records [][]byte) ([]ledger.Receipt, error) {
	if err := l.alive(ctx); err != nil {
		return nil, err
	}
	var refused error // of the first record that is not even sent
	var batch []*pending
	for _, record := range records {
		keys, err := ledger.Derive(l.keysOf, record)
		if err != nil {
			refused = err
			break
		}
		batch = append(batch, newPending(record, keys))
	}
	within, cancel := l.within(ctx)
	defer cancel()
	n, err := l.inOrder(within, batch)
	receipts := make([]ledger.Receipt, n)
	for i := range receipts {
		receipts[i] = l.receipt(batch[i])
	}
	if err != nil {
		return receipts, l.because(ctx, err)
	}
	return receipts, refused
}

// inOrder gets records onto the chain up to the first that is refused, and
// reports how many there are before it. The chaincode takes a transaction whole
// or not at all, so halves of it find that one.
func (l *Ledger) inOrder(ctx context.Context, batch []*pending) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	err := l.deliver(ctx, batch, func() {})
	if err == nil {
		return len(batch), nil
	}
	var r *refusal
	if !errors.As(err, &r) || len(batch) == 1 {
		return 0, err
	}
	half := len(batch) / 2
	n, err := l.inOrder(ctx, batch[:half])
	if err != nil {
		return n, err
	}
	m, err := l.inOrder(ctx, batch[half:])
	return half + m, err
}
