package hparams

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml reads a YAML document. The library gives the tree; what plain scalars
// mean is decided here, by the core schema of YAML 1.2, so that it depends on
// no library's version. Scalars that PyYAML reads otherwise are flagged.
func (r *reader) yaml() (Value, error) {
	dec := yaml.NewDecoder(bytes.NewReader(r.data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return Value{Type: Map}, nil // nothing but comments
	} else if err != nil {
		return Value{}, yamlError(err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return Value{}, yamlError(err)
		}
		return Value{}, &Error{Line: second.Line, Err: fmt.Errorf("a second document begins: %w", ErrValue)}
	}
	root := &doc
	if root.Kind == yaml.DocumentNode {
		if len(root.Content) != 1 {
			return Value{Type: Map}, nil
		}
		root = root.Content[0]
	}
	v, err := r.fromYAML(root, nil, 0)
	if v.Type == Null {
		v.Type = Map // an empty document has no parameters
	}
	return v, err
}

func yamlError(err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	return &Error{Line: line, Err: errors.New(message)}
}

func (r *reader) fromYAML(n *yaml.Node, path []string, depth int) (Value, error) {
	fail := func(err error) (Value, error) {
		var e *Error
		if !errors.As(err, &e) {
			err = &Error{Line: n.Line, Err: err}
		}
		return Value{}, err
	}
	if err := r.count(depth); err != nil {
		return fail(err)
	}
	switch n.Kind {
	case yaml.AliasNode:
		// An anchor within itself ends at the greatest depth.
		return r.fromYAML(n.Alias, path, depth+1)
	case yaml.ScalarNode:
		v, err := r.scalar(n, path, "value")
		if err != nil {
			return fail(err)
		}
		return v, nil
	case yaml.SequenceNode:
		if tag := explicitTag(n); tag != "" && tag != "!!seq" && tag != "!!python/tuple" {
			return fail(fmt.Errorf("tag %q on a list: %w", tag, ErrValue))
		}
		out := Value{Type: List}
		for _, item := range n.Content {
			v, err := r.fromYAML(item, path, depth+1)
			if err != nil {
				return fail(err)
			}
			out.List = append(out.List, v)
		}
		return out, nil
	case yaml.MappingNode:
		if tag := explicitTag(n); tag != "" && tag != "!!map" {
			return fail(fmt.Errorf("tag %q on a map: %w", tag, ErrValue))
		}
		v, err := r.mapping(n, path, depth)
		if err != nil {
			return fail(err)
		}
		return v, nil
	default:
		return fail(fmt.Errorf("unexpected node: %w", ErrValue))
	}
}

// mapping reads a map. Merge keys (<<) bring in what the map itself and the
// merges before them do not have.
func (r *reader) mapping(n *yaml.Node, path []string, depth int) (Value, error) {
	out := Value{Type: Map}
	has := map[string]bool{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Style == 0 {
			merges = append(merges, v)
			continue
		}
		name, err := r.key(k, path)
		if err != nil {
			return Value{}, &Error{Line: k.Line, Err: err}
		}
		inner := append(path[:len(path):len(path)], name)
		if has[name] {
			return Value{}, &Error{Line: k.Line, Err: fmt.Errorf("%q: %w", JoinKey(inner), ErrDuplicate)}
		}
		has[name] = true
		value, err := r.fromYAML(v, inner, depth+1)
		if err != nil {
			return Value{}, err
		}
		out.Map = append(out.Map, Param{Key: name, Value: value})
	}
	if len(merges) > 1 {
		return Value{}, &Error{Line: merges[1].Line, Err: fmt.Errorf("\"<<\": %w", ErrDuplicate)}
	}
	for _, m := range merges {
		from, err := r.fromYAML(m, path, depth+1)
		if err != nil {
			return Value{}, err
		}
		maps := []Value{from}
		if from.Type == List {
			maps = from.List
		}
		for _, m := range maps {
			if m.Type != Map {
				return Value{}, fmt.Errorf("\"<<\" merges maps only, not a %s: %w", m.Type, ErrValue)
			}
			for _, p := range m.Map {
				if !has[p.Key] {
					has[p.Key] = true
					out.Map = append(out.Map, p)
				}
			}
		}
	}
	return out, nil
}

// key gives the name of a map's key: the value's text if it is no string, as
// json.dumps of Python does.
func (r *reader) key(k *yaml.Node, path []string) (string, error) {
	for hops := 0; k.Kind == yaml.AliasNode && hops < MaxDepth; hops++ {
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("a key is a scalar: %w", ErrValue)
	}
	v, err := r.scalar(k, path, "key")
	if err != nil {
		return "", err
	}
	if v.Type == Str || v.Type == Bytes {
		return v.Text, nil
	}
	return v.String(), nil
}

// explicitTag gives the tag that is written before a node, or "".
func explicitTag(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle == 0 {
		return ""
	}
	return n.ShortTag()
}

func (r *reader) scalar(n *yaml.Node, path []string, in string) (Value, error) {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	tag := explicitTag(n)
	if tag == "" && (n.Style&quoted != 0 || n.Tag == "!!str" && n.Value == "") {
		return OfString(n.Value), nil
	}
	core, err := readCore(n.Value)
	switch {
	case tag == "!!str" || tag == "!!timestamp":
		return OfString(n.Value), nil
	case tag == "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return Value{}, fmt.Errorf("%q is not base64: %w", abbreviate(n.Value), ErrValue)
		}
		return OfBytes(b), nil
	case err != nil:
		return Value{}, err
	case tag == "!!null" && core.Type == Null, tag == "!!bool" && core.Type == Bool, tag == "!!float" && core.Type == F64:
		return core, nil
	case tag == "!!int" && (core.Type == I64 || core.Type == U64 || core.Type == BigInt):
		return core, nil
	case tag == "!!float" && (core.Type == I64 || core.Type == U64 || core.Type == BigInt):
		return parseFloat(core.Text)
	case tag != "":
		return Value{}, fmt.Errorf("%q with tag %q: %w", abbreviate(n.Value), tag, ErrValue)
	}
	if other, err := readPyYAML(n.Value); err == nil && !other.Equal(core) {
		if in == "key" {
			name := core.Text
			if core.Type != Str {
				name = core.String()
			}
			path = append(path[:len(path):len(path)], name)
		}
		r.flag(Ambiguity{
			Key: JoinKey(path), Line: n.Line, Column: n.Column, In: in, Text: n.Value,
			Read: typed(core), Other: typed(other), Reader: readerPyYAML,
		})
	}
	return core, nil
}
