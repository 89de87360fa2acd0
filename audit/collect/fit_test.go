package collect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
)

// many makes a list of n items.
func many[T any](n int, one func(i int) T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = one(i)
	}
	return all
}

func started() *audit.Predicate {
	return audittest.Event(audit.TrainStarted, "bev-seg", "3.2.0", "r1", 1)
}

// TestFit makes each list too long in turn: the record fits, has the beginning
// of the list, and the document has all of it.
func TestFit(t *testing.T) {
	arg := func(i int) string { return fmt.Sprintf("--shard=%05d-%s", i, strings.Repeat("é<", 10)) }
	for name, test := range map[string]struct {
		member string
		make   func(p *audit.Predicate) (whole any)
		get    func(p *audit.Predicate) any
	}{
		"arguments": {
			"process.argv",
			func(p *audit.Predicate) any {
				p.Process = &audit.Process{Argv: many(5000, arg)}
				return p.Process.Argv
			},
			func(p *audit.Predicate) any { return p.Process.Argv },
		},
		"flags": {
			"params.flags",
			func(p *audit.Predicate) any {
				p.Params.Flags = many(2000, func(i int) audit.ParamsFlag {
					return audit.ParamsFlag{Code: "ambiguous", Key: arg(i), Message: "readers differ"}
				})
				return p.Params.Flags
			},
			func(p *audit.Predicate) any { return p.Params.Flags },
		},
		"redacted": {
			"params.redacted",
			func(p *audit.Predicate) any { p.Params.Redacted = many(2000, arg); return p.Params.Redacted },
			func(p *audit.Predicate) any { return p.Params.Redacted },
		},
		"files": {
			"params.files",
			func(p *audit.Predicate) any {
				p.Params.Files = many(500, func(i int) audit.ParamsFile { return audit.ParamsFile{Name: arg(i), Format: "yaml"} })
				return p.Params.Files
			},
			func(p *audit.Predicate) any { return p.Params.Files },
		},
		"gaps": {
			"gaps",
			func(p *audit.Predicate) any {
				p.Gaps = many(600, func(i int) audit.Gap { return audit.Gap{What: arg(i), Reason: "no such file"} })
				return p.Gaps
			},
			func(p *audit.Predicate) any { return p.Gaps },
		},
		"outputs": {
			"outputs",
			func(p *audit.Predicate) any {
				p.Outputs = many(1000, func(i int) audit.Artifact { return audittest.Artifact(arg(i), arg(i)) })
				return p.Outputs
			},
			func(p *audit.Predicate) any { return p.Outputs },
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, blobs := started(), store.NewBlobs(filepath.Join(t.TempDir(), "blobs"))
			whole, err := encode(test.make(p))
			if err != nil {
				t.Fatal(err)
			}
			if err := Fit(t.Context(), p, blobs); err != nil {
				t.Fatal(err)
			}
			// With the most signatures that a policy asks for.
			record, err := audit.Seal(p, many(16, func(i int) *keys.Private { return trusttest.Key(fmt.Sprint(i)) })...)
			if err != nil {
				t.Fatal(err)
			}
			if len(record) < ledger.MaxRecord*8/10 {
				t.Errorf("the record has %d bytes: more was cut than needed", len(record))
			}
			kept, err := encode(test.get(p))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Cut) != 1 || p.Cut[0].Member != test.member || len(kept) >= len(whole) {
				t.Fatalf("cut %+v", p.Cut)
			}
			if beginning := strings.TrimRight(string(kept), `…"]`); !strings.HasPrefix(string(whole), beginning) || len(beginning) < least/2 {
				t.Errorf("the record has %.200s", kept)
			}
			r, err := blobs.Open(p.Cut[0].Whole.Digest["sha3_512"])
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != string(whole) {
				t.Errorf("the document has %.200s, %v", got, err)
			}
		})
	}
}

func TestFitLeavesWhatFits(t *testing.T) {
	p := started()
	p.Process = &audit.Process{Argv: many(200, func(i int) string { return fmt.Sprint("--", i) })}
	before, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := Fit(t.Context(), p, store.Blobs{}); err != nil {
		t.Fatal(err)
	}
	if after, err := p.Encode(); err != nil || string(after) != string(before) {
		t.Errorf("%s, %v", after, err)
	}
}

// TestFitWithoutPlace has nowhere to keep the whole: the end of a run must fit
// into a record nevertheless.
func TestFitWithoutPlace(t *testing.T) {
	p := started()
	p.Process = &audit.Process{Argv: []string{strings.Repeat("é", 50_000)}}
	if err := Fit(t.Context(), p, store.NewBlobs(filepath.Join(t.TempDir(), "gone", "blobs"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := audit.Seal(p, trusttest.Key("eng")); err != nil {
		t.Error(err)
	}
	if len(p.Cut) != 1 || p.Cut[0].Whole != nil || !strings.HasSuffix(p.Process.Argv[0], "é…") {
		t.Errorf("%+v", p.Cut)
	}
}

// TestFitAgain records the same event from a machine with another toolchain: it
// must be the same record.
func TestFitAgain(t *testing.T) {
	var got [][]audit.Artifact
	for _, versions := range []map[string]string{{}, {"driver": strings.Repeat("5", 9000)}} {
		p := started()
		p.ID, p.Toolchain = "k", audittest.Toolchain(versions)
		p.Outputs = many(300, func(i int) audit.Artifact { return audittest.Artifact(fmt.Sprint(i), "x") })
		if err := Fit(t.Context(), p, store.Blobs{}); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Seal(p, trusttest.Key("eng")); err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Outputs)
	}
	if len(got[0]) != len(got[1]) {
		t.Errorf("%d and %d artefacts", len(got[0]), len(got[1]))
	}
}

func TestForesee(t *testing.T) {
	sets := func(n int) []DataSource {
		return many(n, func(i int) DataSource { return DataSource{Path: fmt.Sprintf("/data/shard-%d", i), Role: "train"} })
	}
	for name, test := range map[string]struct {
		change  func(p *audit.Predicate)
		data    []DataSource
		outputs []string
		want    error
	}{
		"well":             {func(*audit.Predicate) {}, sets(3), []string{"model.pt"}, nil},
		"many outputs":     {func(*audit.Predicate) {}, sets(3), slices.Repeat([]string{"model.pt"}, 1000), nil},
		"many arguments":   {func(p *audit.Predicate) { p.Process = &audit.Process{Argv: slices.Repeat([]string{"--x"}, 50_000)} }, sets(3), nil, nil},
		"many data sets":   {func(*audit.Predicate) {}, sets(300), nil, ledger.ErrTooLarge},
		"many labels":      {func(p *audit.Predicate) { p.Labels = map[string]string{"a": strings.Repeat("x", 65535)} }, sets(1), nil, ledger.ErrTooLarge},
		"time":             {func(*audit.Predicate) {}, []DataSource{{Path: "/data", AcquiredAt: "yesterday"}}, nil, audit.ErrInvalid},
		"secret in a path": {func(*audit.Predicate) {}, []DataSource{{Path: "/data/" + token}}, nil, ErrSecret},
		"secret in output": {func(*audit.Predicate) {}, sets(1), []string{token}, ErrSecret},
		"newline":          {func(*audit.Predicate) {}, sets(1), []string{"a\nb"}, audit.ErrInvalid},
		"version":          {func(p *audit.Predicate) { p.Version = "" }, sets(1), nil, audit.ErrInvalid},
	} {
		p := started()
		test.change(p)
		before, _ := json.Marshal(p)
		if err := Foresee(t.Context(), p, test.data, test.outputs); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if after, _ := json.Marshal(p); string(after) != string(before) {
			t.Errorf("%s: the predicate was changed", name)
		}
	}
}

// TestForeseeIsEnough hashes as many data sets as Foresee allows.
func TestForeseeIsEnough(t *testing.T) {
	dir, p := t.TempDir(), started()
	var data []DataSource
	for i := 0; ; i++ {
		next := append(data, DataSource{Path: filepath.Join(dir, fmt.Sprint(i)), Role: "train"})
		if Foresee(t.Context(), p, next, nil) != nil {
			break
		}
		data = next
	}
	p.Data = nil
	for _, d := range data {
		if err := os.Mkdir(d.Path, 0o755); err != nil {
			t.Fatal(err)
		}
		set, err := newCollector(t).Data(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		p.Data = append(p.Data, set)
	}
	if _, err := audit.Seal(p, trusttest.Key("eng")); err != nil || len(data) < 10 {
		t.Errorf("%d data sets: %v", len(data), err)
	}
}
