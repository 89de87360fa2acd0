package verify_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/internal/doctest"
)

var update = flag.Bool("update", false, "rewrite the table of checks in docs/formats.md")

// TestDocumented holds the table of checks in docs/formats.md to Catalogue.
func TestDocumented(t *testing.T) {
	var table strings.Builder
	table.WriteString("| check | proves that | on Fabric, that | needs | of |\n|---|---|---|---|---|\n")
	for _, k := range verify.Catalogue() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", k.ID, k.Proves, k.OnFabric, k.Needs, k.Of)
	}
	doctest.Table(t, "../../docs/formats.md", "checks", "go test ./audit/verify -run TestDocumented -update", table.String(), *update)
}
