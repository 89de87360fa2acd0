package verify_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/verify"
)

var update = flag.Bool("update", false, "rewrite the table of checks in docs/formats.md")

// TestDocumented holds the table of checks in docs/formats.md to Catalogue.
func TestDocumented(t *testing.T) {
	const file = "../../docs/formats.md"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| check | proves that | needs | of |\n|---|---|---|---|\n")
	for _, k := range verify.Catalogue() {
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", k.ID, k.Proves, k.Needs, k.Of)
	}
	before, rest, ok := strings.Cut(string(doc), "<!-- checks: written by go test ./audit/verify -run TestDocumented -update -->\n")
	table, after, ok2 := strings.Cut(rest, "<!-- end of checks -->")
	if !ok || !ok2 {
		t.Fatal("docs/formats.md has no table of checks")
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatal("docs/formats.md is not up to date: go test ./audit/verify -run TestDocumented -update")
	}
	text := strings.TrimSuffix(before, "\n") + "\n<!-- checks: written by go test ./audit/verify -run TestDocumented -update -->\n" + want.String() + "<!-- end of checks -->" + after
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
