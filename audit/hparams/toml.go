package hparams

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// toml reads a TOML document. Dates and times are strings in the form of
// RFC 3339, whatever separator they were written with.
func (r *reader) toml() (Value, error) {
	if err := r.tomlFloats(); err != nil {
		return Value{}, err
	}
	var root map[string]any
	if err := toml.Unmarshal(r.data, &root); err != nil {
		var e *toml.DecodeError
		if errors.As(err, &e) {
			line, _ := e.Position()
			message := strings.TrimPrefix(e.Error(), "toml: ")
			err = errors.New(message)
			if strings.Contains(message, "already") {
				err = fmt.Errorf("%s: %w", message, ErrDuplicate)
			}
			return Value{}, &Error{Line: line, Err: err}
		}
		return Value{}, err
	}
	return r.fromTOML(root, 0)
}

// tomlFloats refuses floats beyond the range of a double, of which the library
// silently makes zero. It stops at a syntax error: that is reported later.
func (r *reader) tomlFloats() error {
	p := unstable.Parser{}
	p.Reset(r.data)
	for p.NextExpression() {
		if err := r.tomlFloat(p.Expression()); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) tomlFloat(n *unstable.Node) error {
	if n.Kind == unstable.Float {
		text := strings.ReplaceAll(string(n.Data), "_", "")
		if strings.HasSuffix(text, "inf") || strings.HasSuffix(text, "nan") {
			return nil
		}
		if _, err := parseFloat(text); err != nil {
			return &Error{Line: lineAt(r.data, int(n.Raw.Offset)), Err: err}
		}
	}
	for c := n.Children(); c.Next(); {
		if err := r.tomlFloat(c.Node()); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) fromTOML(v any, depth int) (Value, error) {
	if err := r.count(depth); err != nil {
		return Value{}, err
	}
	switch v := v.(type) {
	case bool:
		return OfBool(v), nil
	case string:
		return OfString(v), nil
	case int64:
		return OfInt(big.NewInt(v)), nil
	case float64:
		return OfFloat(v), nil
	case time.Time:
		return OfString(v.Format(time.RFC3339Nano)), nil
	case toml.LocalDate:
		return OfString(v.String()), nil
	case toml.LocalTime:
		return OfString(v.String()), nil
	case toml.LocalDateTime:
		return OfString(v.String()), nil
	case []any:
		out := Value{Type: List}
		for _, item := range v {
			value, err := r.fromTOML(item, depth+1)
			if err != nil {
				return Value{}, err
			}
			out.List = append(out.List, value)
		}
		return out, nil
	case map[string]any:
		out := Value{Type: Map}
		for key, item := range v {
			value, err := r.fromTOML(item, depth+1)
			if err != nil {
				return Value{}, err
			}
			out.Map = append(out.Map, Param{Key: key, Value: value})
		}
		slices.SortFunc(out.Map, func(a, b Param) int { return strings.Compare(a.Key, b.Key) })
		return out, nil
	default:
		return Value{}, fmt.Errorf("the TOML library gave a %T: %w", v, ErrValue)
	}
}
