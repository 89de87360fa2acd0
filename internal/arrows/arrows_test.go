// Package arrows holds the imports of the module to the directions that
// docs/design.md draws.
package arrows

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mmaudit/mmaudit/"

// measures has the programs that measure all that people run.
const measures = "internal/bench"

// forbidden lists, for each part of the tree, the parts that it must not import.
var forbidden = map[string][]string{
	"validate": {"audit", "ledger", "cmd", measures},
	"audit":    {"validate", "cmd", "internal/clikit", measures},
	"ledger":   {"audit", "validate", "cmd", "internal/clikit", measures},
	"schemas":  {"validate", "audit", "ledger", "internal", "cmd"},
	"internal": {"validate", "audit", "ledger", "cmd", measures},
	"cmd":      {measures},
	// The vocabulary knows nobody; readers know no rules, and not one another.
	"validate/dataset":  {"validate/rule"},
	"validate/rule":     {"validate/rules", "validate/report"},
	"validate/payload":  {"validate/rules"},
	"validate/metadata": {"validate/rules"},
	"validate/kitti":    {"validate/rules", "validate/nuscenes"},
	"validate/nuscenes": {"validate/rules", "validate/kitti"},
	"validate/report":   {"validate/rules", "validate/config"},
	// A life is made of records, wherever they came from, and so is what shows one.
	"audit/lifecycle": {"ledger"},
	"audit/export":    {"ledger"},
	"audit/view":      {"ledger"},
	// These ask any ledger; which engine it is, they do not know.
	"audit/collect": {"ledger/tlog", "ledger/fabric"},
	"audit/query":   {"ledger/tlog", "ledger/fabric"},
	// What runs beside peers stays out of what people run.
	"ledger/fabric": {"ledger/fabric/chaincode"},
	"cmd/auditlog":  {"ledger/fabric/chaincode"},
	// The oracle shares no code with what it judges.
	"internal/datagen": {"internal/jsonrow", "schemas"},
}

// floors are the packages of audit. Each imports from floors below its own, never
// from its own or above.
var floors = [][]string{
	{"audit/canonical", "audit/redact", "audit/keys", "audit/fingerprint"},
	{"audit/dsse", "audit/hparams", "audit/toolchain"},
	{"audit/job"},
	{"audit"},
	{"audit/trust", "audit/store", "audit/export"},
	{"audit/lifecycle", "audit/collect"},
	{"audit/query", "audit/bundle", "audit/transfer"},
	{"audit/verify", "audit/view"},
}

// imports lists the packages of the module, and what they import of it, tests
// left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		all[pkg] = nil
		for _, imp := range words[1:] {
			if imp, ours := strings.CutPrefix(imp, module); ours {
				all[pkg] = append(all[pkg], imp)
			}
		}
	}
	return all
}

func TestArrows(t *testing.T) {
	all := imports(t)
	for from, tos := range forbidden {
		seen := false
		for pkg, imported := range all {
			if !in(pkg, from) {
				continue
			}
			seen = true
			for _, imp := range imported {
				for _, to := range tos {
					if in(imp, to) && !in(pkg, to) && !in(pkg, measures) {
						t.Errorf("%s imports %s: %s must not know %s", pkg, imp, from, to)
					}
				}
			}
		}
		if !seen {
			t.Errorf("there is no package %s", from)
		}
	}
}

func TestFloors(t *testing.T) {
	floor := map[string]int{}
	for i, packages := range floors {
		for _, pkg := range packages {
			floor[pkg] = i + 1
		}
	}
	all := imports(t)
	for pkg := range floor {
		if _, ok := all[pkg]; !ok {
			t.Errorf("there is no package %s", pkg)
		}
	}
	for pkg, imported := range all {
		if in(pkg, "audit") && floor[pkg] == 0 && !forTests(pkg) {
			t.Errorf("%s has no floor", pkg)
		}
		for _, imp := range imported {
			if floor[pkg] > 0 && floor[imp] >= floor[pkg] {
				t.Errorf("%s imports %s, which is not below it", pkg, imp)
			}
			if forTests(imp) && !forTests(pkg) {
				t.Errorf("%s imports %s, which is for tests", pkg, imp)
			}
		}
	}
}

// forTests reports whether a package helps tests, or measures.
func forTests(pkg string) bool {
	name := path.Base(pkg)
	return strings.HasSuffix(name, "test") || in(pkg, measures)
}

// in reports whether package pkg lies in part, or below it.
func in(pkg, part string) bool { return pkg == part || strings.HasPrefix(pkg, part+"/") }

// What verifies offline links no more of protocol buffers than the reading of
// their wire format: no descriptors, no gRPC, no client.
func TestOfflineIsSmall(t *testing.T) {
	const pkg = module + "ledger/fabric/endorsed"
	out, err := exec.Command("go", "list", "-deps", pkg).Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		pkg, module + "internal/lazyre", "golang.org/x/mod/sumdb/note", "google.golang.org/protobuf/encoding/protowire",
		"google.golang.org/protobuf/internal/errors", "google.golang.org/protobuf/internal/detrand",
	}
	for dep := range strings.FieldsSeq(string(out)) {
		host, _, _ := strings.Cut(dep, "/")
		if strings.Contains(host, ".") && !slices.Contains(allowed, dep) {
			t.Errorf("%s links %s", pkg, dep)
		}
	}
}

// TestAuditlogStartsFast: the library of JSON Schema compiles those of five drafts
// whenever a program starts that links it. mmvalidate needs it.
func TestAuditlogStartsFast(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"cmd/auditlog").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if strings.Contains(dep, "jsonschema") {
			t.Errorf("cmd/auditlog links %s", dep)
		}
	}
}

// TestSDK keeps fabric-sdk-go in the module of its own: with the client of the
// gateway in one program, both would register the messages of Fabric, which
// panics before main. Of ours, that module takes the protocol alone.
func TestSDK(t *testing.T) {
	const nested = "../../ledger/fabric/sdk"
	run := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
		}
		return string(out)
	}
	if graph := run("", "mod", "graph"); strings.Contains(graph, "fabric-sdk-go") || strings.Contains(graph, "hyperledger/fabric-protos-go@") {
		t.Error("the module graph has fabric-sdk-go")
	}
	linked := run(nested, "list", "-deps", "-f", "{{.ImportPath}}", ".")
	for pkg := range strings.Lines(linked) {
		switch pkg := strings.TrimSpace(pkg); {
		case strings.HasPrefix(pkg, "github.com/hyperledger/fabric-gateway"), strings.HasPrefix(pkg, "github.com/hyperledger/fabric-protos-go-apiv2"):
			t.Errorf("the program of the SDK links %s", pkg)
		case strings.HasPrefix(pkg, module) && pkg != module+"ledger/fabric/sdk" && pkg != module+"ledger/fabric/internal/pipe":
			t.Errorf("the program of the SDK links %s", pkg)
		}
	}
	if !strings.Contains(linked, "fabric-sdk-go") {
		t.Error("the program of the SDK does not link fabric-sdk-go")
	}
}
