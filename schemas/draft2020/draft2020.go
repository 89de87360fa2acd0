// Package draft2020 compiles the embedded JSON Schemas by the library whose
// verdict counts, santhosh-tekuri/jsonschema. It takes 2 ms of the start of each
// program that links it; package shape does for schemas that say little.
package draft2020

import (
	"bytes"
	"fmt"
	"io"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/schemas"
)

// Compile compiles an embedded file, or with ref ("#/$defs/header") a part of
// it.
func Compile(name, ref string) (*jsonschema.Schema, error) {
	b, err := schemas.Files.ReadFile(name)
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
