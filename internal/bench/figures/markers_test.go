package figures

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const document = "# Title\n\n<!-- make x: written by a program, not by hand -->\nold\n<!-- make x: end -->\n\n<!-- make xy: y -->\n<!-- make xy: end -->\nlast"

func TestReplace(t *testing.T) {
	got, err := Replace(document, "make x", "new\n\n\n")
	if want := strings.Replace(document, "old", "new", 1); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if body, err := Between(document, "make x"); body != "old\n" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if body, err := Between(document, "make xy"); body != "" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	for name, doc := range map[string]string{
		"no markers":     "text",
		"no end":         strings.Replace(document, "<!-- make x: end -->", "", 1),
		"no beginning":   strings.Replace(document, "<!-- make x: written by a program, not by hand -->", "", 1),
		"two beginnings": strings.Replace(document, "old", "<!-- make x: again -->", 1),
		"two ends":       strings.Replace(document, "old", "<!-- make x: end -->", 1),
		"end first":      "<!-- make x: end -->\n<!-- make x: y -->\n",
	} {
		if got, err := Replace(doc, "make x", "new"); err == nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReplaceIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceIn(file, "make z", "new"); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
	if err := ReplaceIn(file, "make x", "new"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != strings.Replace(document, "old", "new", 1) {
		t.Errorf("%q", got)
	}
}
