// Package export says what the records of one version of a model say in the
// documents that others read:
//
//   - CycloneDX 1.6 JSON, an ML-BOM (https://cyclonedx.org/docs/1.6/json/);
//   - SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance), an in-toto
//     statement, signed in DSSE;
//   - OMS, the statement of model_signing 1.0 about the files of a model, signed
//     in a Sigstore bundle.
//
// [Formats] is the table of them; docs/formats.md says what goes where.
//
// What it guarantees: a document has the same bytes whenever it is made of the
// same records and documents; nothing stands in it that they do not say, and what
// they could not collect is said to be missing where the format has a place for
// it. An export proves less than the records, which CycloneDX and SLSA name by
// digest. Whether their signatures are to be trusted is for the caller to see to
// before.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
)

// namespace begins what this project names in documents of others.
const namespace = "https://github.com/mmaudit/mmaudit/"

// What can stand against an export, for errors.Is.
var (
	// ErrRecords: the records do not say what an export must know.
	ErrRecords = errors.New("records do not suffice")
	// ErrNoRun: a format is about the artefacts of a run, and there are none.
	ErrNoRun = errors.New("no run has finished, or the last that did left no artefacts")
	// ErrCut: the record of the run names only some of its artefacts.
	ErrCut = errors.New("the record has not room for all artefacts of the run")
	// ErrNoFiles: the SHA-256 of each file of the model is not known.
	ErrNoFiles = errors.New("files of the model are not known by SHA-256")
	// ErrDocument: a document is not the one that its record names.
	ErrDocument = errors.New("document is not the one that was recorded")
	// ErrUnsigned: the format has no signed form, or not with such keys.
	ErrUnsigned = errors.New("cannot be signed")
)

// An Entry is a record in its place.
type Entry struct {
	Index  int64
	Record *audit.Record
}

// A Source is what an export is made of.
type Source struct {
	Ledger         string // its origin; may be empty
	Model, Version string
	// Entries are the records of the version, oldest first. Those about data
	// sets and of other versions may be among them; the latter are left aside.
	Entries []Entry
	// Run is the run that made the version; "" is the last that finished.
	Run string
	// Open opens a document by its SHA3-512 in hexadecimal; fs.ErrNotExist if
	// it is not there. Nil: there are none. What it gives is held against the
	// digest.
	Open func(sha3_512 string) (io.ReadCloser, error)
	// Listing opens a listing with SHA-256 of a folder that the run left, made
	// anew where no record has one; nil: there is none. It is believed if its
	// tree is the one that was recorded.
	Listing func() (io.ReadCloser, error)
}

// A Format is a document that others read.
type Format struct {
	Name      string // as an argument
	Summary   string
	MediaType string // unsigned
	make      func(context.Context, *version) ([]byte, error)
	seal      func(document []byte, signers []*keys.Private) ([]byte, error)
}

var formats = []Format{
	{
		"cyclonedx", "bill of materials of a model, CycloneDX ML-BOM 1.6",
		"application/vnd.cyclonedx+json; version=1.6", makeCycloneDX, nil,
	},
	{
		"slsa", "how the model was built, SLSA provenance v1",
		"application/vnd.in-toto+json", makeSLSA, sealDSSE,
	},
	{
		"oms", "SHA-256 of the files of the model, as model_signing 1.0 has it",
		"application/vnd.in-toto+json", makeOMS, sealBundle,
	},
}

// Formats lists the formats.
func Formats() []Format { return append([]Format(nil), formats...) }

// FormatOf finds a format by name.
func FormatOf(name string) (Format, error) {
	var names []string
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("unknown format %q, want %s", name, strings.Join(names, ", "))
}

// Make gives the document, unsigned.
func (f Format) Make(ctx context.Context, src Source) ([]byte, error) {
	v, err := gather(src)
	if err != nil {
		return nil, err
	}
	return f.make(ctx, v)
}

// Signed reports whether the format has a signed form.
func (f Format) Signed() bool { return f.seal != nil }

// Seal gives the signed form of what Make gave. It is ErrUnsigned if there is
// none, or none with these keys: OMS is signed by one key, of ECDSA P-256.
func (f Format) Seal(document []byte, signers ...*keys.Private) ([]byte, error) {
	if f.seal == nil {
		return nil, fmt.Errorf("%w: %s has no signed form here", ErrUnsigned, f.Name)
	}
	if len(signers) == 0 {
		return nil, fmt.Errorf("%w: no key", ErrUnsigned)
	}
	return f.seal(document, signers)
}
