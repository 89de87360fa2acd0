package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a SHA-256 hash of RFC 6962.
type Hash = tlog.Hash

// A Proof is a list of hashes in the order of RFC 6962, section 2.1.
type Proof []Hash

// RecordHash returns the leaf hash of a record.
func RecordHash(record []byte) Hash { return tlog.RecordHash(record) }

// EmptyRoot is the root of the tree without records: SHA-256 of nothing.
func EmptyRoot() Hash {
	h, _ := tlog.TreeHash(0, nil) // reads nothing, so cannot fail
	return h
}

// CheckInclusion reports whether the proof shows that the tree of this size and
// root holds the record at the index.
func CheckInclusion(p Proof, size int64, root Hash, index int64, record []byte) error {
	if err := tlog.CheckRecord(tlog.RecordProof(p), size, root, index, RecordHash(record)); err != nil {
		return fmt.Errorf("record %d is not proven to be in the tree of size %d: %w", index, size, err)
	}
	return nil
}

// CheckConsistency reports whether the proof shows that the tree of this size
// and root begins with the tree of size old and root oldRoot.
func CheckConsistency(p Proof, size int64, root Hash, old int64, oldRoot Hash) error {
	if old == 0 && size >= 0 && len(p) == 0 && oldRoot == EmptyRoot() && (size > 0 || root == oldRoot) {
		return nil // every tree begins with nothing
	}
	if err := tlog.CheckTree(tlog.TreeProof(p), size, root, old, oldRoot); err != nil {
		return fmt.Errorf("the tree of size %d is not proven to continue that of size %d: %w", size, old, err)
	}
	return nil
}
