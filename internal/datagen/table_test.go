package datagen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTableKeepsBytes holds editing to its word: what is not edited stays.
func TestTableKeepsBytes(t *testing.T) {
	for _, base := range []Base{baseNuScenes, baseT4, baseLyft} {
		root := t.TempDir()
		if err := base.Generate(root); err != nil {
			t.Fatal(err)
		}
		tables, err := filepath.Glob(filepath.Join(root, "*", "*.json"))
		if err != nil || len(tables) < 13 {
			t.Fatalf("%s: %d tables, %v", base.Name, len(tables), err)
		}
		for _, name := range tables {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := parseTable(b)
			if err != nil {
				t.Fatal(err)
			}
			out := formatTable(rows)
			if base.Name == "lyft" {
				out = onOneLine(out)
			}
			if !bytes.Equal(out, b) {
				t.Errorf("%s %s changes", base.Name, filepath.Base(name))
			}
		}
	}
}

func TestEditRow(t *testing.T) {
	d := &Dir{Root: t.TempDir()}
	if err := d.Write("v1.0-mini/log.json", []byte("[\n{\n\"token\": \"a\",\n\"n\": 1.50\n},\n{\n\"token\": \"b\",\n\"n\": 2e3\n}\n]\n")); err != nil {
		t.Fatal(err)
	}
	if err := d.EditRow("log", where("token", "b"), func(r *Record) { r.Set("new", []float64{1, 2.5}); r.Delete("token") }); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(d.Root, "v1.0-mini", "log.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "[\n{\n\"token\": \"a\",\n\"n\": 1.50\n},\n{\n\"n\": 2e3,\n\"new\": [\n1.0,\n2.5\n]\n}\n]\n"; string(b) != want {
		t.Errorf("%q", b)
	}
	if err := d.EditRow("log", where("token", "z"), func(r *Record) {}); err == nil || !strings.Contains(err.Error(), "no such row") {
		t.Errorf("a row that is not there: %v", err)
	}
	if _, err := d.Find("log", where("token", "z")); err == nil {
		t.Error("found a row that is not there")
	}
}

// TestNth: the same condition picks the same row whenever it is asked.
func TestNth(t *testing.T) {
	d := &Dir{Root: t.TempDir()}
	if err := d.Write("v1.0-mini/log.json", []byte(`[{"token":"a"},{"token":"b","n":1},{"token":"c"},{"token":"d","n":1}]`)); err != nil {
		t.Fatal(err)
	}
	second, secondWithN := nth(1, nil), nth(1, where("n", 1))
	for range 2 {
		if token, err := d.Find("log", second); token != "b" {
			t.Errorf("the second row is %q, %v", token, err)
		}
		if token, err := d.Find("log", secondWithN); token != "d" {
			t.Errorf("the second row with n is %q, %v", token, err)
		}
	}
}

func TestPythonFloat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 1e-4: "0.0001", 1e-5: "1e-05", 1556675185903083.2: "1556675185903083.2", 1e16: "1e+16", 123456789: "123456789.0",
	} {
		if got := pythonFloat(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
