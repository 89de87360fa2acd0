package lifecycle

import (
	"time"

	"github.com/mmaudit/mmaudit/audit"
)

// A Record is a record in its place, with what is thought of it.
type Record struct {
	Index int64
	Bytes []byte
	// Record is what audit.Open made of the bytes; nil if it refused them, for
	// the reason in Err.
	Record  *audit.Record
	Err     error
	Verdict Verdict
}

// A Life is what a Timeline is made of.
type Life struct {
	Model, Version string
	// Records are those of the version, of its runs (heartbeats), and those
	// that register or validate the data sets that it names. Records of other
	// versions may be among them: where they share a run, or a device.
	Records []Record
	// Overlaps tell what data sets have in common, where it is known.
	Overlaps []Overlap
	// Now is what the silence of a run that has not ended is measured against;
	// zero: the newest time that a record claims.
	Now time.Time
	// Silence is how long a run may say nothing; zero: an hour.
	Silence time.Duration
}

// An Overlap says that two data sets have contents in common.
type Overlap struct {
	A, B           string // roots of their path trees, in hexadecimal
	Contents       uint64 // different contents
	FilesA, FilesB uint64 // files that have them
}
