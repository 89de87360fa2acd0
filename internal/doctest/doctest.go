// Package doctest holds tables in the documentation to the tables in the code.
package doctest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Table demands that what stands between the two comments of a name in a file is
// the table, or writes it there. The first comment says by which test:
//
//	<!-- NAME: written by COMMAND -->
//	<!-- end of NAME -->
func Table(t *testing.T, file, name, command, table string, update bool) {
	t.Helper()
	begin := fmt.Sprintf("<!-- %s: written by %s -->\n", name, command)
	end := fmt.Sprintf("<!-- end of %s -->", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the %s", file, name)
	}
	want := before + begin + table + end + after
	if want == string(text) {
		return
	}
	if !update {
		t.Fatalf("%s does not have the table of %s: %s", file, name, command)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
