package main

import (
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// checkpointed is the chaincode.AnchorVerifier of ledgers of audit: their first
// record names the key of the log, and later ones replace it.
func checkpointed(note []byte, records []ledger.Entry) (genesis string, head ledger.Head, err error) {
	if head, err = tlog.ReadCheckpoint(note); err != nil {
		return "", head, fmt.Errorf("checkpoint: %w", err)
	}
	if len(records) == 0 || records[0].Index != 0 {
		return "", head, errors.New("the first record of the log is missing, which names its keys")
	}
	ring := trust.New(head.Origin)
	for _, e := range records {
		r, err := audit.Open(e.Record)
		if err != nil {
			return "", head, fmt.Errorf("record %d: %w", e.Index, err)
		}
		if r.Predicate().Event.Scope() != audit.OfLedger {
			return "", head, fmt.Errorf("record %d is %s, and not about keys or policy", e.Index, r.Predicate().Event)
		}
		verdict := ring.Add(e.Index, e.Record)
		if e.Index == 0 && !verdict.OK() {
			return "", head, fmt.Errorf("the first record of the log is not valid: %s", verdict.Problems[0])
		}
	}
	known := ring.LogVerifiersAt(head.Size)
	if head, err = tlog.OpenCheckpoint(note, head.Origin, known...); err != nil {
		return "", head, fmt.Errorf("checkpoint: %w; by the records sent, the key of the log at that size is %s", err, trust.KeyNames(known))
	}
	return ring.Genesis(), head, nil
}
