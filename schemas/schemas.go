// Package schemas embeds the JSON Schemas (draft 2020-12) of every document
// that mmaudit reads or writes. They are the source of truth: code that checks
// faster is compiled from them.
package schemas

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Files holds *.schema.json, and the record schemas of tables below tables/.
//
//go:embed *.json tables
var Files embed.FS

// Glob gives the names of the embedded files that match, sorted.
func Glob(pattern string) ([]string, error) { return fs.Glob(Files, pattern) }

// Compile compiles an embedded file, or with ref ("#/$defs/header") a part of
// it.
func Compile(name, ref string) (*jsonschema.Schema, error) {
	b, err := Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return CompileText(b, "https://github.com/mmaudit/mmaudit/schemas/"+name, ref)
}

// CompileText compiles a schema with that id. Formats are annotations, as the
// draft has it. Nothing else is loaded: every schema stands by itself.
func CompileText(text []byte, id, ref string) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.ExtractAnnotations = true // the tests look at descriptions and examples
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("%s refers to %s, which is not part of it", id, url)
	}
	if err := c.AddResource(id, bytes.NewReader(text)); err != nil {
		return nil, err
	}
	return c.Compile(id + ref)
}
