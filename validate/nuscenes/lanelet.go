package nuscenes

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmaudit/mmaudit/internal/ctxio"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Lanelet is what a Lanelet2 map (OSM XML) has of the ids that the table
// traffic_light names.
type Lanelet struct {
	Tables *Tables
	Path   string
	IDs    map[string]Primitive // by id; an id that is not in the map is not here
}

// A Primitive is one element of a map.
type Primitive struct {
	Element string // way, node, relation
	Type    string // value of its tag "type"
}

// laneletPath is where T4 keeps the map.
const laneletPath = "map/lanelet2_map.osm"

// readLanelet emits the *Lanelet of a data set that has traffic lights.
func readLanelet(ctx context.Context, t *Tables, e rule.Emitter) error {
	if len(t.TrafficLight.Rows) == 0 || !e.Wants((*Lanelet)(nil)) {
		return nil
	}
	skip := func(slug string) { e.Skip((*Lanelet)(nil), slug, laneletPath) }
	if !t.Dataset.Tree.Has(laneletPath) {
		skip("file-missing")
		return nil
	}
	at := rule.Place{Path: laneletPath}
	f, slug := openFilled(t.Dataset, at, e)
	if f == nil {
		skip(slug)
		return nil
	}
	defer f.Close()
	ids := map[string]Primitive{}
	for i := range t.TrafficLight.Rows {
		ids[t.TrafficLight.Rows[i].Primitive] = Primitive{}
	}
	line, err := parseLanelet(ctx, ctxio.Reader(ctx, f), ids)
	var fault *laneletError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &fault):
		at.Line = line
		e.Emit(rule.Fault{Slug: "lanelet-primitive", Message: "the map cannot be read: " + fault.Error(), Place: at})
		skip("lanelet-primitive")
		return nil
	case err != nil:
		skip(rule.Unreadable(e, t.Dataset, at, err))
		return nil
	}
	for id, p := range ids {
		if p.Element == "" {
			delete(ids, id)
		}
	}
	e.Emit(&Lanelet{Tables: t, Path: laneletPath, IDs: ids})
	return nil
}

// A laneletError says that a map is no OSM XML.
type laneletError struct{ msg string }

func (e *laneletError) Error() string { return e.msg }

// maxLaneletToken bounds the bytes of one tag, text or comment, which the
// decoder holds whole.
const maxLaneletToken = 1 << 20

// A tokenReader refuses to read on for the sake of one token.
type tokenReader struct {
	r    io.Reader
	left int
}

func (t *tokenReader) Read(b []byte) (int, error) {
	if t.left <= 0 {
		return 0, &laneletError{fmt.Sprintf("a tag, text or comment is longer than %d bytes", maxLaneletToken)}
	}
	n, err := t.r.Read(b)
	t.left -= n
	return n, err
}

// maxLaneletDepth is how deep elements nest; OSM needs three.
const maxLaneletDepth = 32

// parseLanelet fills in what the map says of the wanted ids. It keeps nothing
// else. An error comes with the line; it is a *laneletError where the text is
// at fault.
func parseLanelet(ctx context.Context, r io.Reader, ids map[string]Primitive) (line int, err error) {
	bounded := &tokenReader{r: r}
	d := xml.NewDecoder(bounded)
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, &laneletError{fmt.Sprintf("its encoding is %s, not UTF-8", charset)}
	}
	fail := func(format string, args ...any) (int, error) {
		line, _ := d.InputPos()
		return line, &laneletError{fmt.Sprintf(format, args...)}
	}
	var id string   // of the wanted element at hand, "" if none
	var p Primitive // that element
	begun := false
	for depth := 0; ; {
		bounded.left = maxLaneletToken
		tok, err := d.Token()
		if err == io.EOF && !begun {
			return fail("it holds no element")
		}
		if err == io.EOF {
			return 0, nil
		}
		if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return fail("%s", syntax.Msg)
			}
			var own *laneletError
			if errors.As(err, &own) {
				return fail("%s", own.msg)
			}
			if msg, ok := strings.CutPrefix(err.Error(), "xml: "); ok { // an XML version other than 1.0
				return fail("%s", msg)
			}
			return 0, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxLaneletDepth {
				return fail("elements nest deeper than %d", maxLaneletDepth)
			}
			begun = true
			if depth == 1 && tok.Name.Local != "osm" {
				return fail("it begins with <%s>, not <osm>", tok.Name.Local)
			}
			if depth == 1 || depth == 2 {
				if err := ctx.Err(); err != nil {
					return 0, err
				}
			}
			switch {
			case depth == 2:
				id = ""
				if own := attribute(tok, "id"); own != "" {
					if old, wanted := ids[own]; wanted && old.Element != "way" { // ids are unique by kind; a way is what is wanted
						id, p = own, Primitive{Element: tok.Name.Local}
					}
				}
			case depth == 3 && id != "" && tok.Name.Local == "tag" && attribute(tok, "k") == "type":
				p.Type = attribute(tok, "v")
			}
		case xml.EndElement:
			if depth == 2 && id != "" {
				ids[id], id = p, ""
			}
			depth--
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
