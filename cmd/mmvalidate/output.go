package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// An output is one report to write. File is "" for standard output.
type output struct{ format, file string }

type outputs []output

var formatOfExtension = map[string]string{
	".json": "json", ".jsonl": "jsonl", ".sarif": "sarif", ".xml": "junit", ".html": "html", ".txt": "text",
}

// newOutputs pairs formats with files: a file's extension names its format;
// files without a telling extension take the formats that are left, in order;
// one format that is then left goes to standard output. Without any, that is
// text; where only files are asked for, standard output stays empty.
func newOutputs(wanted, files []string) (outputs, error) {
	left := split(wanted)
	for _, f := range left {
		if !slices.Contains(report.FormatNames(), f) {
			hint := "one of " + strings.Join(report.FormatNames(), ", ")
			if near := suggest.Nearest(f, report.FormatNames()); near != "" {
				hint = fmt.Sprintf("did you mean %s? (%s)", near, hint)
			}
			return nil, clikit.Usagef(hint, "--format %q is unknown", f)
		}
	}
	var outs outputs
	var unnamed []string
	for _, f := range files {
		if err := writable(f); err != nil {
			return nil, err
		}
		if format, ok := formatOfExtension[strings.ToLower(filepath.Ext(f))]; ok {
			outs = append(outs, output{format, f})
			if i := slices.Index(left, format); i >= 0 {
				left = slices.Delete(left, i, i+1)
			}
		} else {
			unnamed = append(unnamed, f)
		}
	}
	for _, f := range unnamed {
		if len(left) == 0 {
			return nil, clikit.Usagef("add --format, or give the file one of the extensions .json .jsonl .sarif .xml .html .txt", "no format for --output %s", f)
		}
		if f == "-" {
			f = ""
		}
		outs = append(outs, output{left[0], f})
		left = left[1:]
	}
	switch {
	case len(left) > 1:
		return nil, clikit.Usagef("add one -o FILE for each further format", "formats %s all want standard output", strings.Join(left, ", "))
	case len(left) == 1:
		outs = append(outs, output{left[0], ""})
	case len(outs) == 0:
		outs = outputs{{"text", ""}}
	}
	return outs, nil
}

// writable refuses a file that cannot be written, before the run and not after it.
func writable(file string) error {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return clikit.Usagef("name a file in it", "--output %s is a folder", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return clikit.Usagef("make the folder first", "--output %s: there is no folder %s", file, filepath.Dir(file))
	}
	return nil
}

// write renders the report into each output. A file is replaced whole or not
// at all.
func (outs outputs) write(rep *report.Report, v *view, e *env) error {
	for _, o := range outs {
		if o.file == "" {
			if err := report.Write(e.stdout, o.format, rep, rules.Catalogue(), v.Options); err != nil {
				return fmt.Errorf("standard output: %w", err)
			}
			continue
		}
		plain := v.Options
		plain.Color = false
		var b bytes.Buffer
		if err := report.Write(&b, o.format, rep, rules.Catalogue(), plain); err != nil {
			return fmt.Errorf("%s: %w", o.file, err)
		}
		if err := durable.WriteFile(o.file, b.Bytes(), 0o644); err != nil {
			return &clikit.Error{Code: clikit.Failed, Err: err, Hint: "the folder of the file must exist and be writable"}
		}
	}
	return nil
}

// colorful reports whether w wants colours, as https://no-color.org says.
func colorful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && clikit.IsTerminal(w)
}
