package draft2020

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/schemas"
)

// TestFiles: every file compiles, and has the id by which others may name it.
func TestFiles(t *testing.T) {
	n := 0
	err := fs.WalkDir(schemas.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".schema.json") {
			return err
		}
		n++
		s, err := Compile(name, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		text, err := schemas.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if want := `"$id": "https://github.com/mmaudit/mmaudit/schemas/` + name + `"`; !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", name, want)
		}
		if s.Draft.String() != "Draft2020" {
			t.Errorf("%s is of %s", name, s.Draft)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 40 {
		t.Errorf("%d schemas", n)
	}
}

func TestCompileStandsAlone(t *testing.T) {
	for _, text := range []string{
		`{"$ref": "https://json-schema.org/draft/2020-12/nowhere"}`,
		`{"$ref": "file:///etc/hostname"}`,
		`{"$ref": "record.schema.json"}`,
	} {
		if _, err := CompileText([]byte(text), "https://example.com/a.schema.json", ""); err == nil {
			t.Errorf("%s was compiled", text)
		}
	}
	if _, err := Compile("record.schema.json", "#/$defs/header"); err != nil {
		t.Error(err)
	}
	if _, err := Compile("nowhere.schema.json", ""); err == nil {
		t.Error("a file that does not exist was compiled")
	}
}
