package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

// TestAnchors keeps the evidence of the newest anchors of each network.
func TestAnchors(t *testing.T) {
	s := newFixture(t).init(t)
	if all, err := s.Anchors(); err != nil || len(all) > 0 {
		t.Errorf("%v, %v", all, err)
	}
	text, err := os.ReadFile("../../ledger/fabric/anchored/testdata/evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	e, err := anchored.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.Dir(), "anchors")
	const other = "00000000-000000000003.json"
	for size := range int64(12) {
		file, err := s.KeepAnchor(e, &anchored.Anchor{Size: size + 1})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(text) {
			t.Fatalf("%s: %v", file, err)
		}
		if size == 0 {
			for _, name := range []string{other, "note.txt", ".x.tmp"} {
				if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	all, err := s.Anchors()
	if err != nil || len(all) != mostAnchors+1 || all[0].Size != 12 || all[7].Size != 5 || filepath.Base(all[8].Path) != other {
		t.Fatalf("%+v, %v", all, err)
	}
	newest, err := s.NewestAnchors()
	if err != nil || len(newest) != 2 || newest[0] != all[0] || newest[1] != all[8] {
		t.Errorf("%+v, %v", newest, err)
	}
	if got, err := all[0].Read(); err != nil || got.Network != e.Network {
		t.Errorf("%v", err)
	}
	if _, err := all[8].Read(); !errors.Is(err, anchored.ErrEvidence) || !strings.Contains(err.Error(), "its name is not that of its network") {
		t.Errorf("under the name of another network: %v", err)
	}
	for _, name := range []string{"note.txt", ".x.tmp"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("it removed what is not its own: %v", err)
		}
	}
}
