package human

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes what comes from the data harmless to print: control
// characters, line breaks, marks that change the direction of writing, other
// invisible characters, and bytes that are not UTF-8 become Go escapes. A path
// can therefore not move the cursor, forge a line, or look like another path.
func Visible(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !shown(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case shown(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

func shown(r rune) bool { return r == ' ' || unicode.IsPrint(r) }
