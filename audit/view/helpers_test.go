package view_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/audit/view"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// A story is a ledger with the life of bev-seg 3.2.0.
type story struct {
	t          *testing.T
	predicates []*audit.Predicate
	documents  map[string]string // by SHA3-512
	log        *tlog.Log
}

func newStory(t *testing.T) *story {
	s := &story{t: t, documents: map[string]string{}}
	s.predicates = append(lifetest.Data(audittest.Start, "nuscenes", "train"), lifetest.Data(audittest.Start, "nuscenes-test", "test")...)
	plan := lifetest.Plan{Model: "bev-seg", Version: "3.2.0", Start: audittest.Start.AddDate(0, 0, 1), Heartbeats: 3}
	s.predicates = append(s.predicates, plan.Life()...)
	started := s.of(audit.TrainStarted)
	started.Params.Form = s.document("params.json", string(lifetest.ParamsForm("lr=0.001", "epochs=20")))
	return s
}

// document keeps a document and gives what names it.
func (s *story) document(name, text string) *audit.Attachment {
	a := audittest.Attachment(name, text)
	s.documents[a.Digest["sha3_512"]] = text
	return a
}

func (s *story) of(e audit.Event) *audit.Predicate {
	s.t.Helper()
	for _, p := range s.predicates {
		if p.Event == e {
			return p
		}
	}
	s.t.Fatalf("no %s", e)
	return nil
}

// keep leaves only these events.
func (s *story) keep(events ...audit.Event) {
	s.predicates = slices.DeleteFunc(s.predicates, func(p *audit.Predicate) bool { return !slices.Contains(events, p.Event) })
}

// Open implements lifecycle.Documents.
func (s *story) Open(digest string) (io.ReadCloser, error) {
	text, ok := s.documents[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// timeline writes the records into a ledger and asks for the life.
func (s *story) timeline() *lifecycle.Timeline {
	s.t.Helper()
	signer, verifier := trusttest.LogKey(trusttest.Origin, "log")
	l, err := tlog.Init(s.t.Context(), filepath.Join(s.t.TempDir(), "log"), tlog.Options{
		Signer: signer, Verifiers: []note.Verifier{verifier}, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	book := lifetest.NewBook()
	book.Add(s.predicates...)
	for _, r := range book.Records {
		if _, err := l.Append(s.t.Context(), r); err != nil {
			s.t.Fatal(err)
		}
	}
	s.log = l
	v, err := query.Open(s.t.Context(), l, query.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	t, err := v.Version(s.t.Context(), "bev-seg", "3.2.0")
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// bundle writes a bundle of the life into a file.
func (s *story) bundle(t *lifecycle.Timeline, extra map[string][]byte) string {
	s.t.Helper()
	o := bundle.Options{
		Question: "the life of bev-seg 3.2.0", Model: "bev-seg", Version: "3.2.0", Extra: extra,
		Documents: func(a *audit.Attachment) (io.ReadCloser, error) { return s.Open(a.Digest["sha3_512"]) },
	}
	for _, e := range t.Events {
		o.Indices = append(o.Indices, e.Index)
	}
	var b bytes.Buffer
	if _, err := bundle.Write(s.t.Context(), &b, s.log, o); err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "life.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func page(t *testing.T, life *lifecycle.Timeline, o view.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := view.Life(&b, life, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type opener func(string) (io.ReadCloser, error)

func (o opener) Open(digest string) (io.ReadCloser, error) { return o(digest) }
