package fabric

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/schemas"
)

// Template is a profile to fill in: every member of the schema in its order,
// with what the schema says of it. Values come from c where it has some (it may
// be nil), else from the schema's examples. What may be left out is commented
// out with a # and no space behind it.
func Template(c *Connection) ([]byte, error) {
	text, err := schemas.Files.ReadFile("fabric.schema.json")
	if err != nil {
		return nil, err
	}
	var root yaml.Node // which keeps the order, unlike maps
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	t := template{root.Content[0]}
	lines := wrap(t.text(t.schema, "title") + ". " + t.text(t.schema, "description") + " What is commented out may be left out.")
	for _, m := range t.members(t.schema, c.values(), options{words: true}) {
		lines = append(append(lines, ""), m...)
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

type template struct{ schema *yaml.Node }

// options say how to print.
type options struct {
	words bool // say what members are; without, those that have no value are left out
	out   bool // the whole is commented out
}

// members prints each member of an object.
func (t template) members(schema *yaml.Node, values map[string]any, o options) [][]string {
	var out [][]string
	required := map[string]bool{}
	if r := of(schema, "required"); r != nil {
		for _, n := range r.Content {
			required[n.Value] = true
		}
	}
	properties := of(schema, "properties").Content
	for i := 0; i+1 < len(properties); i += 2 {
		name, member := properties[i].Value, properties[i+1]
		value, has := values[name]
		if !o.words && !has && !required[name] {
			continue
		}
		var lines []string
		if o.words {
			lines = wrap(t.text(member, "description"))
		}
		mark, inside := "", o
		if !o.out && !has && !required[name] {
			mark, inside.out = "#", true
		}
		for _, line := range t.member(name, t.resolve(member), value, inside) {
			lines = append(lines, mark+line)
		}
		out = append(out, lines)
	}
	return out
}

// member prints one member, whose value may be nil.
func (t template) member(name string, schema *yaml.Node, value any, o options) []string {
	switch t.text(schema, "type") {
	case "object":
		values, _ := value.(map[string]any)
		return append([]string{name + ":"}, t.object(schema, values, o)...)
	case "array":
		item := t.resolve(of(schema, "items"))
		values, _ := value.([]map[string]any)
		if values == nil {
			values = []map[string]any{nil}
		}
		lines := []string{name + ":"}
		for i, v := range values {
			o.words = o.words && i == 0
			for j, line := range t.object(item, v, o) {
				if j == 0 {
					line = "  - " + strings.TrimPrefix(line, "  ")
				} else {
					line = "  " + line
				}
				lines = append(lines, line)
			}
		}
		return lines
	}
	if value == nil {
		value = example(schema)
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		text = fmt.Appendf(nil, "%q", value)
	}
	return []string{name + ": " + strings.TrimSpace(string(text))}
}

// object prints the members of an object, indented.
func (t template) object(schema *yaml.Node, values map[string]any, o options) []string {
	var lines []string
	for _, m := range t.members(schema, values, o) {
		for _, line := range m {
			lines = append(lines, "  "+line)
		}
	}
	return lines
}

// example is the value of a schema for somebody who has none.
func example(schema *yaml.Node) any {
	for _, name := range []string{"const", "default", "examples", "enum", "minimum"} {
		n := of(schema, name)
		if n == nil {
			continue
		}
		if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
			n = n.Content[0]
		}
		plain := *n
		plain.Style = 0
		return &plain
	}
	return "TEXT"
}

// resolve gives the schema that another refers to, with what both say.
func (t template) resolve(schema *yaml.Node) *yaml.Node {
	ref := t.text(schema, "$ref")
	if ref == "" {
		return schema
	}
	target := t.schema
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		target = of(target, step)
	}
	both := *schema
	both.Content = append(append([]*yaml.Node{}, schema.Content...), target.Content...)
	return &both
}

func (template) text(n *yaml.Node, name string) string {
	if m := of(n, name); m != nil {
		return m.Value
	}
	return ""
}

// of finds the first member of that name, or nil.
func of(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// wrap makes lines of a comment.
func wrap(text string) []string {
	const width = 90
	var lines []string
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = "#"
		}
		line += " " + word
	}
	return append(lines, line)
}
