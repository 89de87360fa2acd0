package metadata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// A document whose fields the reader does not accept at once is given to the
// schema, whose verdict and words count.
var (
	recordSchema     = compiled("record.schema.json", "")
	headerSchema     = compiled("record.schema.json", "#/$defs/header")
	descriptorSchema = compiled("dataset.schema.json", "")
	mapRowSchema     = compiled("syncmap.schema.json", "")
	mapHeaderSchema  = compiled("syncmap.schema.json", "#/$defs/header")
)

// compiled compiles an embedded schema when it is first needed. That it does
// not compile is a broken build.
func compiled(name, ref string) func() *jsonschema.Schema {
	return sync.OnceValue(func() *jsonschema.Schema {
		s, err := draft2020.Compile(name, ref)
		if err != nil {
			panic(err)
		}
		return s
	})
}

// refusals gives what the schema refuses in a document, a line each, without
// what rules of their own say: unknown names, and whatever concerns the fields
// in except.
func refusals(schema func() *jsonschema.Schema, raw []byte, except ...string) []string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil // NaN and its like, which the parser reports
	}
	var ve *jsonschema.ValidationError
	if err := schema().Validate(v); !errors.As(err, &ve) {
		return nil
	}
	var out []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, c := range e.Causes {
			walk(c)
		}
		if len(e.Causes) > 0 || strings.HasSuffix(e.KeywordLocation, "/additionalProperties") {
			return
		}
		if slices.Contains(except, strings.TrimPrefix(e.InstanceLocation, "/")) {
			return
		}
		if strings.HasSuffix(e.KeywordLocation, "/required") && e.InstanceLocation == "" && len(except) > 0 {
			return // a record without a mandatory field
		}
		where := strings.TrimPrefix(e.InstanceLocation, "/")
		if where != "" {
			where += ": "
		}
		out = append(out, fmt.Sprintf("%s%s", where, e.Message))
	}
	walk(ve)
	slices.Sort(out)
	return slices.Compact(out)
}
