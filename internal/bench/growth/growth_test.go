package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// known are points of two commands, the second slower than linear.
var known = []point{
	{"auditlog fingerprint --quiet", 1000, 0.031, 0.042, 24.3},
	{"mmvalidate --quiet --ignore UMM", 1000, 0.040, 0.035, 20.1},
	{"auditlog fingerprint --quiet", 10_000, 0.290, 0.420, 48},
	{"mmvalidate --quiet --ignore UMM", 10_000, 0.400, 0.700, 30},
	{"auditlog fingerprint --quiet", 1_000_000, 29, 42.2, 140.5},
	{"mmvalidate --quiet --ignore UMM", 1_000_000, 80, 150, 182.5},
}

func TestPoints(t *testing.T) {
	var b strings.Builder
	if err := writePoints(&b, "one, core", known); err != nil {
		t.Fatal(err)
	}
	machine, got, err := readPoints(b.String())
	if err != nil || machine != "one, core" || len(got) != len(known) {
		t.Fatal(machine, got, err)
	}
	for i := range got {
		if got[i] != known[i] {
			t.Errorf("%v became %v", known[i], got[i])
		}
	}
	head := strings.Join(columns, ",") + "\n"
	for _, bad := range []string{
		"", head + "a,1,1,1,1\n", "# m\n", "# m\n" + head, "# m\nn\n1\n",
		"# m\n" + head + "a,0,1,1,1\n", "# m\n" + head + "a,1.5,1,1,1\n", "# m\n" + head + "a,1,-1,1,1\n",
		"# m\n" + head + "a,1,NaN,1,1\n", "# m\n" + head + "a,1,1,1\n", "# m\n" + head + "a,1,1,1,+Inf\n",
	} {
		if _, got, err := readPoints(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

// TestDraw holds plot and table to the golden files; -update writes them.
func TestDraw(t *testing.T) {
	for name, got := range map[string]string{"files.svg": sets[1].draw("one core & no < disk", known), "files.md": sets[1].table(known)} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; go test ./internal/bench/growth -update, and look at it", golden)
		}
	}
}

// The plots and tables that are committed are those of the points beside them.
func TestCommitted(t *testing.T) {
	const out = "../../../docs/plots"
	for _, s := range sets {
		machine, points, err := readPointsOf(filepath.Join(out, s.name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		svg, err := os.ReadFile(filepath.Join(out, s.name+".svg"))
		if err != nil || string(svg) != s.draw(machine, points) {
			t.Errorf("%s.svg is not what %s.csv gives (%v): go run ./internal/bench/growth -draw -write docs/scale.md", s.name, s.name, err)
		}
	}
	before, err := os.ReadFile("../../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "scale.md")
	if err := os.WriteFile(copied, before, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(copied, out); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(copied); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the tables of docs/scale.md are not those of docs/plots (%v)", err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"rows"}, {"-sizes", "0"}, {"-turns", "-1"}, {"-draw", "-out", ""}, {"-fast"}} {
		var out, errs bytes.Buffer
		if err := grow(t.Context(), args, &out, &errs); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}

// Words are counted across the pieces in which a file is read.
func TestOccurrences(t *testing.T) {
	name := filepath.Join(t.TempDir(), "table.json")
	row := `{"token": "1", "sample_token": "token"},` + "\n"
	for _, n := range []int{0, 1, 40_000} {
		if err := os.WriteFile(name, []byte(strings.Repeat(row, n)), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := occurrences(name, []byte(`"token":`)); got != n || err != nil {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	}
}

func FuzzPoints(f *testing.F) {
	var b strings.Builder
	if err := writePoints(&b, "m", known); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add("# m\n" + strings.Join(columns, ",") + "\na,1,1e-9,1e15,5\n")
	f.Fuzz(func(t *testing.T, text string) {
		machine, points, err := readPoints(text)
		if err != nil {
			return
		}
		if svg := sets[0].draw(machine, points); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%v gives\n%s", points, svg)
		}
		sets[0].table(points)
	})
}

// TestOccurrencesAcrossReads finds words that lie across two reads.
func TestOccurrencesAcrossReads(t *testing.T) {
	const word = `"token":`
	name := filepath.Join(t.TempDir(), "a.json")
	for before := 1<<20 - 2*len(word); before <= 1<<20+1; before++ {
		text := word + strings.Repeat(".", before-len(word)) + word + word + "."
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if n, err := occurrences(name, []byte(word)); n != 3 || err != nil {
			t.Errorf("%d bytes before: %d, %v", before, n, err)
		}
	}
}
