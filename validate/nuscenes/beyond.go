package nuscenes

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Beyond names the tables of a format whose schemas say more than the scanner
// understands, and why: each of their records, or each that has a member which is
// named, is judged by the JSON Schema library alone. That changes no verdict, but
// takes some fifty times as long. It gives nothing for other formats.
func Beyond(format dataset.Schema) ([]string, error) {
	folder, ok := schemaFolders[format]
	if !ok {
		return nil, nil
	}
	const suffix = ".schema.json"
	files, err := fs.Glob(schemas.Files, "tables/"+folder+"/*"+suffix)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, file := range files {
		table := strings.TrimSuffix(path.Base(file), suffix)
		s, err := loadSchema(format, table)
		if err != nil {
			return nil, err
		}
		if why := s.beyond(); why != "" {
			out = append(out, table+": "+why)
		}
	}
	return out, nil
}

// beyond says what of a schema the scanner does not understand, or "".
func (s *recordSchema) beyond() string {
	if s.ask {
		return "the record as a whole (" + s.words + ")"
	}
	var why []string
	for _, name := range slices.Sorted(maps.Keys(s.props)) {
		if p := s.props[name]; p.check.ask {
			why = append(why, fmt.Sprintf("%s (%s)", name, p.doc.words()))
		}
	}
	return strings.Join(why, ", ")
}

// words gives what a schema says, by keyword.
func (d *schemaDoc) words() string {
	return strings.Join(slices.Sorted(maps.Keys(d.keywords)), ", ")
}
