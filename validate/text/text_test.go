package text_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/text"
)

type faults struct {
	rule.Emitter
	all []string
}

func (f *faults) Emit(item any) {
	x := item.(rule.Fault)
	if x.Slug != text.Slug || x.Path != "a.txt" {
		panic(fmt.Sprintf("%+v", x))
	}
	f.all = append(f.all, fmt.Sprintf("%d:%d %s", x.Line, x.Column, x.Message))
}

func TestCheck(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"a\nb\n":                "",
		"\n\n":                  "",
		"Straße\n":              "",
		"a\nb":                  "2:1 the last line has no line feed",
		"ab":                    "1:2 the last line has no line feed",
		"\xef\xbb\xbfa\n":       "1:1 begins with a byte order mark",
		"a\r\nb\r\n":            "1:2 has 2 carriage returns",
		"a\nb\r\n":              "2:2 has a carriage return",
		"a\nStra\xdfe\n":        "2:5 byte 0xDF is not UTF-8 here",
		"\xef\xbb\xbfa\r\n\xff": "1:1 begins with a byte order mark; 1:5 has a carriage return; 2:1 byte 0xFF is not UTF-8 here; 2:1 the last line has no line feed",
	} {
		var f faults
		text.Check(&f, "a.txt", []byte(in))
		if got := strings.Join(f.all, "; "); got != want {
			t.Errorf("%q: %s\nwant %s", in, got, want)
		}
	}
}
