package lifecycle_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/internal/doctest"
)

var update = flag.Bool("update", false, "write the table of problems in docs/formats.md anew")

// TestDocumented holds the table of problems in docs/formats.md to the catalogue.
func TestDocumented(t *testing.T) {
	var table strings.Builder
	table.WriteString("| code | severity | what must hold |\n|---|---|---|\n")
	for _, c := range lifecycle.Catalogue() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.Code, c.Severity, c.Summary)
	}
	doctest.Table(t, "../../docs/formats.md", "problems", "go test ./audit/lifecycle -run TestDocumented -update", table.String(), *update)
}
