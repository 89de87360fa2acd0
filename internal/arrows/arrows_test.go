// Package arrows holds the imports of the module to the directions that
// docs/design.md draws.
package arrows

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/mmaudit/mmaudit/"

// forbidden lists, for each part of the tree, the parts that it must not import.
var forbidden = []struct{ from, to string }{
	{"validate", "audit"},
	{"validate", "ledger"},
	{"validate", "cmd"},
	{"audit", "validate"},
	{"audit", "cmd"},
	{"ledger", "audit"},
	{"ledger", "validate"},
	{"ledger", "cmd"},
	{"schemas", "validate"},
	{"schemas", "audit"},
	{"schemas", "ledger"},
	{"schemas", "internal"},
	{"schemas", "cmd"},
	{"internal", "validate"},
	{"internal", "audit"},
	{"internal", "ledger"},
	{"internal", "cmd"},
	// Readers know no rules; rules know no engine; the vocabulary knows nobody.
	{"validate/kitti", "validate/rules"},
	{"validate/nuscenes", "validate/rules"},
	{"validate/payload", "validate/rules"},
	{"validate/metadata", "validate/rules"},
	{"validate/dataset", "validate/rule"},
	{"validate/rule", "validate/rules"},
	{"validate/rule", "validate/report"},
	{"validate/report", "validate/rules"},
	{"validate/config", "validate/rules"},
	{"validate/kitti", "validate/nuscenes"},
	{"validate/nuscenes", "validate/kitti"},
	// The oracle shares no code with what it judges.
	{"internal/datagen", "validate"},
	{"internal/datagen", "internal/jsonrow"},
}

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		for _, a := range forbidden {
			if !in(pkg, a.from) {
				continue
			}
			seen[a.from] = true
			for _, imp := range words[1:] {
				if imp, ours := strings.CutPrefix(imp, module); ours && in(imp, a.to) && !in(pkg, a.to) {
					t.Errorf("%s imports %s: %s must not know %s", pkg, imp, a.from, a.to)
				}
			}
		}
	}
	if !seen["validate"] || !seen["internal"] {
		t.Fatalf("the listing misses packages: %s", out)
	}
}

// in reports whether package pkg lies in part, or below it.
func in(pkg, part string) bool { return pkg == part || strings.HasPrefix(pkg, part+"/") }
