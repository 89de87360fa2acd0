package export_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden holds the bytes of each format: they do not change by themselves,
// and not from one run to the next.
func TestGolden(t *testing.T) {
	for _, f := range export.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			got := makes(t, f.Name, newLife(t).source())
			if again := makes(t, f.Name, newLife(t).source()); !bytes.Equal(got, again) {
				t.Fatal("two runs differ")
			}
			file := filepath.Join("testdata", f.Name+".golden.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("not as in %s (go test -update writes it anew):\n%s", file, got)
			}
		})
	}
}

// TestNothingInvented exports lives that say little: what they do not say must
// not stand there.
func TestNothingInvented(t *testing.T) {
	cases := map[string]struct {
		change func(*life)
		format string
		with   []string
		absent []string
	}{
		"documents that are not there": {
			func(l *life) { clear(l.documents) }, "cyclonedx",
			[]string{"the document with the values is not at hand", `"auditlog:params:count"`, "535.129.03"},
			[]string{"optimizer.lr", "libcudart", "torch"},
		},
		"no document of parameters": {
			func(l *life) { clear(l.documents) }, "slsa",
			[]string{`"hyperparameters":{"count":4`},
			[]string{"optimizer.lr", "gitCommit"},
		},
		"no approach": {
			func(l *life) { l.of(audit.TrainFinished).Labels = nil }, "cyclonedx",
			nil,
			[]string{`"approach"`, `"considerations"`, `"task"`},
		},
		"an approach that the format does not have": {
			func(l *life) { l.of(audit.TrainFinished).Labels = map[string]string{"model.approach": "divination"} }, "cyclonedx",
			nil,
			[]string{`"approach"`},
		},
		"a run that failed": {
			func(l *life) {
				failed := audittest.Event(audit.TrainFailed, "bev-seg", "3.2.0", "run-6", 1)
				failed.Metrics = []audit.Metric{{Name: "of-the-failed-run", Value: "1"}}
				l.predicates = slices.Insert(l.predicates, 2, failed)
			}, "cyclonedx",
			[]string{"train.failed", `"uid": "run-6"`},
			[]string{"of-the-failed-run"},
		},
		"a metric of a heartbeat": {
			func(l *life) {
				l.of(audit.TrainHeartbeat).Metrics = []audit.Metric{{Name: "of-a-moment", Value: "1"}}
			}, "cyclonedx",
			nil,
			[]string{"of-a-moment"},
		},
		"the run that finished last": {
			func(l *life) {
				again := audittest.Event(audit.TrainFinished, "bev-seg", "3.2.0", "run-6", 1)
				start := audittest.Event(audit.TrainStarted, "bev-seg", "3.2.0", "run-6", 1)
				l.predicates = append(slices.Insert(l.predicates, 2, start), again)
			}, "slsa",
			[]string{`"invocationId":"run-6"`},
			[]string{"run-7"},
		},
		"the run that finished first": {
			func(l *life) {
				start := audittest.Event(audit.TrainStarted, "bev-seg", "3.2.0", "run-6", 1)
				end := audittest.Event(audit.TrainFinished, "bev-seg", "3.2.0", "run-6", 1)
				l.predicates = slices.Insert(l.predicates, 2, start, end)
			}, "slsa",
			[]string{`"invocationId":"run-7"`},
			[]string{"run-6"},
		},
		"no run at all": {
			func(l *life) { l.predicates = l.predicates[5:6] }, "cyclonedx",
			[]string{"none has finished"},
			[]string{`"formulation"`, `"hashes": null`, `"datasets"`},
		},
		"what another version says": {
			func(l *life) {
				other := audittest.Event(audit.Incident, "bev-seg", "3.1.0", "", 1)
				other.Labels = map[string]string{"model.task": "something else"}
				l.predicates = append(l.predicates, other)
			}, "cyclonedx",
			[]string{"eye-view"},
			[]string{"something else", "incident"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			c.change(l)
			text := string(makes(t, c.format, l.source()))
			for _, s := range c.with {
				if !strings.Contains(text, s) {
					t.Errorf("lacks %q", s)
				}
			}
			for _, s := range c.absent {
				if strings.Contains(text, s) {
					t.Errorf("has %q", s)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	cases := map[string]struct {
		format string
		change func(*life)
		source func(*export.Source)
		want   error
	}{
		"no records":               {"cyclonedx", func(l *life) { l.predicates = nil }, nil, export.ErrRecords},
		"records of another model": {"cyclonedx", nil, func(s *export.Source) { s.Model = "other" }, export.ErrRecords},
		"records out of order":     {"cyclonedx", nil, func(s *export.Source) { slices.Reverse(s.Entries) }, export.ErrRecords},
		"a run that is not there":  {"slsa", nil, func(s *export.Source) { s.Run = "run-8" }, export.ErrRecords},
		"provenance without a run": {"slsa", func(l *life) { l.drop(audit.TrainFinished) }, nil, export.ErrNoRun},
		"some of the artefacts": {"slsa", func(l *life) {
			l.of(audit.TrainFinished).Cut = []audit.Cut{{Member: "outputs", Items: 300}}
		}, nil, export.ErrCut},
		"files without a run":       {"oms", func(l *life) { l.drop(audit.TrainFinished) }, nil, export.ErrNoRun},
		"a file without SHA-256":    {"oms", func(l *life) { delete(l.of(audit.TrainFinished).Outputs[0].Digest, "sha256") }, nil, export.ErrNoFiles},
		"a document that changed":   {"slsa", swapDocuments, nil, export.ErrDocument},
		"a document that is longer": {"slsa", growDocuments, nil, export.ErrDocument},
		"a document without end":    {"slsa", nil, endless, export.ErrDocument},
		"a document cut off":        {"cyclonedx", cutDocuments, nil, export.ErrDocument},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			if c.change != nil {
				c.change(l)
			}
			src := l.source()
			if c.source != nil {
				c.source(&src)
			}
			text, err := format(t, c.format).Make(context.Background(), src)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v\n%s", err, c.want, text)
			}
		})
	}
	if _, err := export.FormatOf("spdx"); err == nil || !strings.Contains(err.Error(), "cyclonedx, slsa, oms") {
		t.Errorf("an unknown format: %v", err)
	}
}

// endless makes every document one that never ends.
func endless(s *export.Source) {
	s.Open = func(string) (io.ReadCloser, error) { return io.NopCloser(zeros{}), nil }
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func swapDocuments(l *life) {
	for _, text := range l.documents {
		text[len(text)/2] ^= 1
	}
}

func growDocuments(l *life) {
	for digest, text := range l.documents {
		l.documents[digest] = append(bytes.Clone(text), ' ')
	}
}

func cutDocuments(l *life) {
	for digest, text := range l.documents {
		l.documents[digest] = text[:len(text)-1]
	}
}
