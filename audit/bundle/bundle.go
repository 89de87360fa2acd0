// Package bundle puts the proof of an answer into one file: records of a ledger,
// the signed checkpoint that they hang on, and all keys. It is verified with no
// network, no ledger and no trust in who made it.
//
// A bundle is a zip with stored (not compressed) members in the order of their
// names; docs/formats.md has every byte. [Write] gives the same bytes for the
// same ledger and options. [Verify] takes no other form of a zip, so that each
// byte of the file has one meaning: it is proven, or it is the text of
// README.txt, of an extra file or of the question, which prove nothing.
//
// What a bundle proves: these records are in the ledger at these places, and
// were signed by keys that the ledger trusted there. What no bundle can prove,
// unless it holds the whole ledger, is that there are no others.
package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/ledger"
)

// Type names the form of a bundle in its manifest.
const Type = "https://github.com/mmaudit/mmaudit/bundle/v1"

// Names of members.
const (
	manifestFile   = "bundle.json"
	checkpointFile = "checkpoint"
	readmeFile     = "README.txt"
	trustFile      = "trust.json"
)

// A Manifest is bundle.json, schemas/bundle.schema.json. But for the question
// and what it is about, it says nothing that does not follow from the other
// members; it is a table of contents.
type Manifest struct {
	V        int    `json:"v"` // 1
	Type     string `json:"type"`
	Question string `json:"question"`
	// Model and Version are what the records are said to be about, if it is one
	// version.
	Model   string `json:"modelId,omitempty"`
	Version string `json:"version,omitempty"`

	Ledger    Ledger     `json:"ledger"`
	Records   []Entry    `json:"records"`
	Documents []Document `json:"documents"`
	// Absent are documents that the records name and the bundle does not hold.
	Absent []Absent `json:"absent"`
	Extra  []string `json:"extra"` // files that prove nothing
	Files  []File   `json:"files"` // all members but bundle.json
}

// Ledger is what the checkpoint says.
type Ledger struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"` // base64
}

// Entry is a record.
type Entry struct {
	Index  int64       `json:"index"`
	Event  audit.Event `json:"event,omitempty"` // empty if it cannot be read
	File   string      `json:"file"`
	Proof  string      `json:"proof"`
	Digest string      `json:"sha3_512"`
}

// Document is a document as the first record that names it does.
type Document struct {
	File      string  `json:"file"`
	Name      string  `json:"name"`
	MediaType string  `json:"mediaType"`
	Records   []int64 `json:"records"` // that name it
}

// Absent is a document that is not there.
type Absent struct {
	Name    string          `json:"name"`
	Digest  audit.DigestSet `json:"digest"`
	Listing bool            `json:"listing,omitempty"` // of the files of a data set
	Records []int64         `json:"records"`
}

// File is a member.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"sha3_512"`
}

func recordFile(index int64) string { return fmt.Sprintf("records/%012d.dsse.json", index) }
func proofFile(index int64) string  { return fmt.Sprintf("proofs/%012d.txt", index) }
func keyFile(id string) string      { return "keys/" + id + ".pem" }

// documentFile names a document by its digest.
func documentFile(a *audit.Attachment) string {
	if d := a.Digest["sha3_512"]; d != "" {
		return "documents/" + d
	}
	return "documents/" + a.Digest["sha256"]
}

// An indexed record is one that the bundle holds.
type indexed struct {
	index int64
	bytes []byte
	*audit.Record
	err error // of audit.Open
}

func openRecord(index int64, record []byte) indexed {
	r, err := audit.Open(record)
	return indexed{index, record, r, err}
}

// ofLedger reports whether a record is about keys and policy, or would be if it
// could be read.
func (r indexed) ofLedger() bool {
	if r.err == nil {
		return r.Predicate().Event.Scope() == audit.OfLedger
	}
	k, err := audit.KeysOf(r.bytes)
	return err == nil && slices.Contains(k.Index, ledger.Key{Name: audit.KeyScope, Value: string(audit.OfLedger)})
}

// documents lists what the records name outside of the ledger: those that are
// there, and those that are not.
func documents(records []indexed, has func(file string) bool) (there []Document, absent []Absent) {
	there, absent = []Document{}, []Absent{}
	at := map[string]int{} // place in there, or -1 - place in absent
	for _, r := range records {
		if r.err != nil {
			continue
		}
		for _, d := range r.Predicate().Documents() {
			file := documentFile(d.Attachment)
			i, known := at[file]
			switch {
			case !known && has(file):
				at[file] = len(there)
				there = append(there, Document{file, d.Name, d.MediaType, []int64{r.index}})
			case !known:
				at[file] = -1 - len(absent)
				absent = append(absent, Absent{d.Name, d.Digest, d.Listing, []int64{r.index}})
			case i >= 0:
				there[i].Records = appendNew(there[i].Records, r.index)
			default:
				absent[-1-i].Records = appendNew(absent[-1-i].Records, r.index)
			}
		}
	}
	return there, absent
}

func appendNew(list []int64, i int64) []int64 {
	if list[len(list)-1] == i {
		return list
	}
	return append(list, i)
}

// derive makes the manifest of what a bundle holds. Records are in order, and
// files by name.
func derive(question, model, version string, head ledger.Head, records []indexed, extra []string, files []File) *Manifest {
	m := &Manifest{
		V: 1, Type: Type, Question: question, Model: model, Version: version,
		Ledger:  Ledger{head.Origin, head.Size, head.Root.String()},
		Records: []Entry{}, Extra: append([]string{}, extra...), Files: files,
	}
	slices.Sort(m.Extra)
	for _, r := range records {
		e := Entry{Index: r.index, File: recordFile(r.index), Proof: proofFile(r.index), Digest: audit.DigestOf(r.bytes)}
		if r.err == nil {
			e.Event = r.Predicate().Event
		}
		m.Records = append(m.Records, e)
	}
	m.Documents, m.Absent = documents(records, func(file string) bool {
		_, found := slices.BinarySearchFunc(files, file, func(f File, name string) int { return strings.Compare(f.Name, name) })
		return found
	})
	return m
}

// marshal gives the bytes of bundle.json: indented by a space, one newline at
// the end.
func (m *Manifest) marshal() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}

// ourNames are the names that members of ours can have.
var ourNames = lazyre.New(`^(bundle\.json|checkpoint|README\.txt|trust\.json|records/[0-9]{12}\.dsse\.json|proofs/[0-9]{12}\.txt|keys/[0-9a-f]{64}\.pem|keys/log-[0-9a-f]{8}\.(pem|json)|keys/ca-[0-9a-f]{64}\.pem|endorsed/[0-9a-f]{8}(\.proposal|-[A-Za-z0-9][A-Za-z0-9._-]*\.(pem|sig|signed))|documents/([0-9a-f]{64}|[0-9a-f]{128})|anchors/[0-9a-f]{8}\.(json|txt))$`)

// extraName is what the name of an extra file must look like: harmless on every
// system, and never one of ours.
var extraName = lazyre.New(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,3}$`)

var ourFolders = []string{"records/", "proofs/", "keys/", "documents/", anchorFolder, endorsedFolder}

func checkExtra(name string) error {
	inOurs := slices.ContainsFunc(ourFolders, func(f string) bool { return strings.HasPrefix(strings.ToLower(name)+"/", f) })
	ours := slices.ContainsFunc([]string{manifestFile, checkpointFile, readmeFile, trustFile}, func(f string) bool {
		return strings.EqualFold(name, f) || strings.HasPrefix(strings.ToLower(name), strings.ToLower(f)+"/")
	})
	if !extraName().MatchString(name) || inOurs || ours {
		return fmt.Errorf("%w: %q cannot be the name of an extra file", ErrInvalid, name)
	}
	return nil
}

// What can be wrong with what Write is asked for.
var ErrInvalid = errors.New("cannot be put into a bundle")
