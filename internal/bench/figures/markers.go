package figures

import (
	"fmt"
	"os"
	"strings"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// Between gives what stands between the two markers of a name in a document:
//
//	<!-- NAME: written by a program -->
//	…
//	<!-- NAME: end -->
//
// Each stands there once, on a line of its own; what follows the name in the
// first is for readers.
func Between(doc, name string) (body string, err error) {
	begin, end, err := span(doc, name)
	if err != nil {
		return "", err
	}
	return doc[begin:end], nil
}

// Replace puts a body between the markers of a name, and changes nothing else.
func Replace(doc, name, body string) (string, error) {
	begin, end, err := span(doc, name)
	if err != nil {
		return "", err
	}
	return doc[:begin] + strings.TrimRight(body, "\n") + "\n" + doc[end:], nil
}

// ReplaceIn does so in a file.
func ReplaceIn(file, name, body string) error {
	doc, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := Replace(string(doc), name, body)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if changed == string(doc) {
		return nil
	}
	return durable.WriteFile(file, []byte(changed), 0o644)
}

// span is where the body begins and ends.
func span(doc, name string) (begin, end int, err error) {
	at := 0
	var begins, ends []int
	for line := range strings.Lines(doc) {
		switch text := strings.TrimSpace(line); {
		case text == "<!-- "+name+": end -->":
			ends = append(ends, at)
		case strings.HasPrefix(text, "<!-- "+name+": ") && strings.HasSuffix(text, " -->"):
			begins = append(begins, at+len(line))
		}
		at += len(line)
	}
	if len(begins) != 1 || len(ends) != 1 || begins[0] > ends[0] {
		return 0, 0, fmt.Errorf("want one line %q and, after it, one line %q", "<!-- "+name+": … -->", "<!-- "+name+": end -->")
	}
	return begins[0], ends[0], nil
}
