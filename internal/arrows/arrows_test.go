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
var forbidden = map[string][]string{
	"validate": {"audit", "ledger", "cmd"},
	"audit":    {"validate", "cmd"},
	"ledger":   {"audit", "validate", "cmd"},
	"schemas":  {"validate", "audit", "ledger", "internal", "cmd"},
	"internal": {"validate", "audit", "ledger", "cmd"},
	// The vocabulary knows nobody; readers know no rules, and not one another.
	"validate/dataset":  {"validate/rule"},
	"validate/rule":     {"validate/rules", "validate/report"},
	"validate/payload":  {"validate/rules"},
	"validate/metadata": {"validate/rules"},
	"validate/kitti":    {"validate/rules", "validate/nuscenes"},
	"validate/nuscenes": {"validate/rules", "validate/kitti"},
	"validate/report":   {"validate/rules", "validate/config"},
	// The oracle shares no code with what it judges.
	"internal/datagen": {"internal/jsonrow", "schemas"},
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
		for from, tos := range forbidden {
			if !in(pkg, from) {
				continue
			}
			seen[from] = true
			for _, imp := range words[1:] {
				imp, ours := strings.CutPrefix(imp, module)
				for _, to := range tos {
					if ours && in(imp, to) && !in(pkg, to) {
						t.Errorf("%s imports %s: %s must not know %s", pkg, imp, from, to)
					}
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
