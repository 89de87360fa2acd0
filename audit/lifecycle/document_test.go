package lifecycle_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

var update = flag.Bool("update", false, "write the table of problems in docs/formats.md anew")

// TestDocumented holds the table of problems in docs/formats.md to the catalogue.
func TestDocumented(t *testing.T) {
	const (
		file  = "../../docs/formats.md"
		begin = "<!-- problems: written by go test ./audit/lifecycle -run TestDocumented -update -->\n"
		end   = "<!-- end of problems -->"
	)
	var table strings.Builder
	table.WriteString("| code | severity | what must hold |\n|---|---|---|\n")
	for _, c := range lifecycle.Catalogue() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.Code, c.Severity, c.Summary)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the problems", file)
	}
	want := before + begin + table.String() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not have the table of problems; run with -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
