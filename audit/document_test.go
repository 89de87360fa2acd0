package audit_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
)

var update = flag.Bool("update", false, "write the table of events in docs/formats.md anew")

// TestDocumented holds the table of events in docs/formats.md to the one here.
func TestDocumented(t *testing.T) {
	const (
		file  = "../docs/formats.md"
		begin = "<!-- events: written by go test ./audit -run TestDocumented -update -->\n"
		end   = "<!-- end of events -->"
	)
	var table strings.Builder
	table.WriteString("| event | means | scope | role | must have | after | should |\n|---|---|---|---|---|---|---|\n")
	for _, k := range audit.Kinds() {
		role := string(k.Role)
		if k.Role == audit.AnyRole {
			role = "any"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s | %s | %s |\n",
			k.Event, k.Summary, k.Scope, role, code(k.Must), code(k.After), code(k.Should))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the events", file)
	}
	want := before + begin + table.String() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not have the table of events; run with -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func code[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + string(w) + "`"
	}
	return strings.Join(quoted, " ")
}
