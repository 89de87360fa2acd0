// Package schemas embeds the JSON Schemas (draft 2020-12) of every document
// that mmaudit reads or writes. They are the source of truth: code that checks
// faster is compiled from them.
package schemas

import (
	"embed"
	"io/fs"
)

// Files holds *.schema.json, and the record schemas of tables below tables/.
//
//go:embed *.json tables
var Files embed.FS

// Glob gives the names of the embedded files that match, sorted.
func Glob(pattern string) ([]string, error) { return fs.Glob(Files, pattern) }
