package nuscenes

import (
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Text gives the text of a token as the tables have it.
func (t *Tables) Text(k Token) string {
	if k.Zero() {
		return ""
	}
	return t.texts.text(k)
}

// At gives the place of row i of one of t's tables. The report resolves the
// byte offset to a line.
func At[T any](t *Tables, table *Table[T], i int32) rule.Place {
	r := table.Row(i)
	return rule.Place{Path: table.Path, Table: table.Name, Token: t.Text(r.Token), ByteOffset: r.Offset}
}
