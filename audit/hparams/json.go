package hparams

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// json reads a JSON document. A hook's dump is
//
//	{"auditlog_hook": 1, "params": {…}}
//
// where a value that JSON lacks is an object with one member:
//
//	{"$float": "nan"}   nan, inf, -inf
//	{"$bytes": "AQI="}  base64
//	{"$map": {…}}       a map whose only key starts with a dollar sign
func (r *reader) json(hook bool) (Value, error) {
	root, err := canonical.Parse(r.data)
	if err != nil {
		return Value{}, r.jsonError(err)
	}
	if root.Kind != canonical.ObjectKind {
		return Value{}, ErrNotMap
	}
	if hook {
		version, _ := root.Get("auditlog_hook")
		params, ok := root.Get("params")
		if version == nil || version.Kind != canonical.NumberKind || version.Text != "1" || !ok ||
			params.Kind != canonical.ObjectKind || len(root.Members) != 2 {
			return Value{}, fmt.Errorf(`not {"auditlog_hook": 1, "params": {…}}: %w`, ErrValue)
		}
		root = params
	}
	return r.members(root, hook, 0)
}

// jsonError gives an error of the parser its line, and our name for it.
func (r *reader) jsonError(err error) error {
	var e *canonical.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case errors.Is(err, canonical.ErrDuplicate):
		err = fmt.Errorf("%q: %w", e.Text, ErrDuplicate)
	case errors.Is(err, canonical.ErrNonFinite):
		err = fmt.Errorf(`%w (a hook writes {"$float": "nan"}): %w`, err, ErrValue)
	case errors.Is(err, canonical.ErrDepth), errors.Is(err, canonical.ErrSize):
		err = fmt.Errorf("%w: %w", err, ErrTooBig)
	}
	return &Error{Line: lineAt(r.data, e.Offset), Err: err}
}

func (r *reader) fromJSON(v *canonical.Value, hook bool, depth int) (Value, error) {
	if err := r.count(depth); err != nil {
		return Value{}, err
	}
	switch v.Kind {
	case canonical.NullKind:
		return Value{Type: Null}, nil
	case canonical.BoolKind:
		return OfBool(v.Text == "true"), nil
	case canonical.StringKind:
		return OfString(v.Text), nil
	case canonical.NumberKind:
		parse := parseFloat
		if !strings.ContainsAny(v.Text, ".eE") {
			parse = func(s string) (Value, error) { return parseInt(s, 10) }
		}
		out, err := parse(v.Text)
		if err != nil {
			err = &Error{Line: lineAt(r.data, v.Offset), Err: err}
		}
		return out, err
	case canonical.ArrayKind:
		out := Value{Type: List}
		for i := range v.Items {
			item, err := r.fromJSON(&v.Items[i], hook, depth+1)
			if err != nil {
				return Value{}, err
			}
			out.List = append(out.List, item)
		}
		return out, nil
	default:
		if hook && len(v.Members) == 1 && strings.HasPrefix(v.Members[0].Key, "$") {
			return r.tagged(v.Members[0].Key, &v.Members[0].Value, depth)
		}
		return r.members(v, hook, depth)
	}
}

func (r *reader) members(v *canonical.Value, hook bool, depth int) (Value, error) {
	out := Value{Type: Map}
	for i := range v.Members {
		m := &v.Members[i]
		item, err := r.fromJSON(&m.Value, hook, depth+1)
		if err != nil {
			return Value{}, err
		}
		out.Map = append(out.Map, Param{Key: m.Key, Value: item})
	}
	return out, nil
}

func (r *reader) tagged(tag string, v *canonical.Value, depth int) (Value, error) {
	switch {
	case tag == "$float" && v.Kind == canonical.StringKind:
		switch v.Text {
		case "nan", "inf", "-inf":
			return Value{Type: F64, Text: v.Text}, nil
		}
	case tag == "$bytes" && v.Kind == canonical.StringKind:
		if b, err := base64.StdEncoding.Strict().DecodeString(v.Text); err == nil {
			return OfBytes(b), nil
		}
	case tag == "$map" && v.Kind == canonical.ObjectKind:
		return r.members(v, true, depth)
	}
	return Value{}, &Error{
		Line: lineAt(r.data, v.Offset),
		Err:  fmt.Errorf("%s %q is no tagged value: %w", tag, abbreviate(v.Text), ErrValue),
	}
}
