package anchored

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// kept is evidence that a real network gave, written by
// `go test ./cmd/auditlog-chaincode -run TestAnchorClient -update`.
func kept(t testing.TB) (file []byte, key *endorsed.Key, genesis string) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	key, err := endorsed.ParseKey(strings.TrimSpace(read("network")))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(read("evidence.json")), key, strings.TrimSpace(read("genesis"))
}

// TestEvidence verifies what a network gave long ago, and with each part of it
// left out or doubled.
func TestEvidence(t *testing.T) {
	file, key, genesis := kept(t)
	e, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Verify(key, genesis)
	if err != nil {
		t.Fatal(err)
	}
	if a.Genesis != genesis || a.Size != 66 || len(a.Organisations) != 2 || len(a.Orderers) != 1 || a.Tx == "" || a.Block == 0 || a.Time.IsZero() || len(a.Records) != 1 {
		t.Errorf("%+v", a)
	}
	stricter := *key
	stricter.Need = 1
	if _, err := e.Verify(&stricter, genesis); !errors.Is(err, ErrEvidence) {
		t.Errorf("another key: %v", err)
	}
	for name, change := range map[string]func(*Evidence){
		"a signed answer":   func(e *Evidence) { e.Answer = appendField(e.Answer, 2, []byte("signature")) },
		"an answer twice":   func(e *Evidence) { e.Answer = slices.Concat(e.Answer, e.Answer) },
		"no answer":         func(e *Evidence) { e.Answer = nil },
		"no block":          func(e *Evidence) { e.Block = nil },
		"a block twice":     func(e *Evidence) { e.Block = slices.Concat(e.Block, e.Block) },
		"more in a block":   func(e *Evidence) { e.Block = appendField(e.Block, 4, nil) },
		"an authority more": func(e *Evidence) { e.CAs = append(slices.Clone(e.CAs), e.CAs[0]) },
		"no authorities":    func(e *Evidence) { e.CAs = nil },
		"no certificate":    func(e *Evidence) { e.CAs = [][]byte{[]byte("x")} },
	} {
		changed := *e
		change(&changed)
		if a, err := changed.Verify(key, genesis); !errors.Is(err, ErrEvidence) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	for i := 0; i < len(file); i += 101 {
		changed := bytes.Clone(file)
		changed[i] ^= 1 << (i % 7)
		if e, err := Parse(changed); err == nil {
			_, err = e.Verify(key, genesis)
			if !errors.Is(err, ErrEvidence) {
				t.Errorf("byte %d is %q instead of %q: %v", i, changed[i], file[i], err)
			}
		}
	}
}

// FuzzParse: what is read is written as it was, and only what the network gave
// is proven.
func FuzzParse(f *testing.F) {
	file, key, genesis := kept(f)
	f.Add(file)
	f.Add([]byte(`{"v":1}`))
	f.Add(bytes.Replace(file, []byte(`"v": 1`), []byte(`"v": 2`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrEvidence) {
				t.Fatal(err)
			}
			return
		}
		if again, err := e.Marshal(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%v: %q is written as %q", err, text, again)
		}
		if a, err := e.Verify(key, genesis); err == nil && a.Size != 66 {
			t.Fatalf("%+v", a)
		}
	})
}
