package tlog

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestClock moves the clock back, as far as the ledger could see it: the times
// of files are of another century, and no source asks for the time.
func TestClock(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	o := options(t, pins)
	grow(t, dir, 300, 100, o)
	for i, year := range []int{2100, 1971} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, root := range []string{dir, pins} {
			err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				return os.Chtimes(name, at, at)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		wholesome(t, reopen(t, dir, o))
		appendMore(t, dir, 300+i, 301+i, 1, o)
		wholesome(t, reopen(t, dir, o))
	}

	sources, err := filepath.Glob("*.go")
	if err != nil || len(sources) < 10 {
		t.Fatal(sources, err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if s.Sel.Name == "ModTime" {
					t.Errorf("%s asks for the time of a file", name)
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
					t.Errorf("%s asks for the time", name)
				}
			}
			return true
		})
	}
}
