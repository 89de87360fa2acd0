package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestDeploy holds the variables that the files for operators name to those of
// the command.
func TestDeploy(t *testing.T) {
	var help bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &help, &help); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	variable := regexp.MustCompile(`CHAINCODE_[A-Z_]+`)
	known := variable.FindAllString(help.String(), -1)
	if len(known) == 0 {
		t.Fatalf("the help names no variables:\n%s", &help)
	}
	for _, file := range []string{"../../deploy/auditlog-chaincode.service", "../../docs/fabric.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := variable.FindAllString(string(text), -1)
		if len(named) == 0 {
			t.Errorf("%s names no variables", file)
		}
		for _, v := range named {
			if !slices.Contains(known, v) {
				t.Errorf("%s: the command knows no %s", file, v)
			}
		}
	}
}
