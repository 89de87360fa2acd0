package audit_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/doctest"
)

var update = flag.Bool("update", false, "write the table of events in docs/formats.md anew")

// TestDocumented holds the table of events in docs/formats.md to the one here.
func TestDocumented(t *testing.T) {
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
	doctest.Table(t, "../docs/formats.md", "events", "go test ./audit -run TestDocumented -update", table.String(), *update)
}

func code[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + string(w) + "`"
	}
	return strings.Join(quoted, " ")
}
