//go:build unix

package fingerprint

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

var zeros = strings.Repeat("0", 128)

func TestManifestLines(t *testing.T) {
	for _, tt := range []struct{ line, path string }{
		{zeros + "  a", "a"},
		{zeros + "  a b/c  d", "a b/c  d"},
		{zeros + "  a%0Ab%0Dc%25d", "a\nb\rc%d"},
		{zeros + `  a\nb`, `a\nb`},
		{zeros + "  \xff", "\xff"},
		{zeros + "   leading", " leading"},
		{zeros + "  *star", "*star"},
		// openssl dgst -r
		{zeros + " *a", "a"},
		{zeros + " *./a", "a"},
		{zeros + ` *a\nb`, `a\nb`},
		{`\` + zeros + ` *a\nb\c`, "a\nb\\c"},
		{zeros + " *100%", "100%"},
	} {
		d, path, err := parseManifestLine(tt.line)
		if err != nil || path != tt.path || d != (Digest{}) {
			t.Errorf("%q: %q, %v; want %q", tt.line, path, err, tt.path)
		}
	}
	for _, line := range []string{
		"", zeros, zeros + " ", zeros + "  ", zeros + " a", zeros + "\ta", zeros + "  /a", zeros + "  ../a",
		zeros + "  a//b", zeros + "  ./a", zeros + "  a/", zeros + "  a%", zeros + "  a%0a", zeros + "  a%41",
		zeros + "  a\rb", zeros + "  a\x00", strings.Repeat("A", 128) + "  a", strings.Repeat("g", 128) + "  a",
		zeros[1:] + "  aa", `\` + zeros + "  a", zeros + " */a",
	} {
		if _, path, err := parseManifestLine(line); err == nil {
			t.Errorf("%q was read as %q", line, path)
		}
	}
}

func FuzzManifestLine(f *testing.F) {
	f.Add(zeros + "  a%0Ab%0Dc%25d")
	f.Add(zeros + " *./a")
	f.Add(`\` + zeros + ` *a\nb`)
	f.Add(zeros + "  \xff/b")
	f.Fuzz(func(t *testing.T, line string) {
		d, path, err := parseManifestLine(line)
		if err != nil || strings.Contains(line, "\n") {
			return
		}
		again := appendManifestLine(nil, d, path)
		if strings.HasPrefix(line[len(zeros):], "  ") && string(again) != line+"\n" {
			t.Fatalf("%q became %q", line, again)
		}
		d2, path2, err := parseManifestLine(strings.TrimSuffix(string(again), "\n"))
		if err != nil || d2 != d || path2 != path {
			t.Fatalf("%q: %q, then %q, %v", line, path, path2, err)
		}
	})
}

var listingLines = []string{
	`{"path":"a","type":"file","size":"0","mode":"0644","mtimeNs":"-1","sha3_512":"` + zeros + `","method":"observed"}`,
	`{"path":"a\n\"\\\u0001é","type":"file","size":"18446744073709551615","mode":"4755","mtimeNs":"9","sha3_512":"` + zeros + `","sha256":"` + zeros[:64] + `","method":"cached"}`,
	`{"pathB64":"/w==","type":"unreadable","error":"permission denied"}`,
	`{"path":"l","type":"symlink","target":"t","size":"1","mode":"0777","mtimeNs":"0","sha3_512":"` + sum([]byte("t")).String() + `","method":"observed"}`,
	`{"path":"l","type":"symlink","targetB64":"/w==","size":"1","mode":"0777","mtimeNs":"0","sha3_512":"` + sum([]byte{0xff}).String() + `","method":"observed"}`,
}

func TestListingLines(t *testing.T) {
	for _, line := range listingLines {
		e, err := parseEntry([]byte(line))
		if err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if again := e.append(nil); string(again) != line {
			t.Errorf("%s\nbecame\n%s", line, again)
		}
		for i := range line { // one encoding only
			for _, bad := range []string{line[:i] + " " + line[i:], line[:i] + line[i+1:]} {
				if e, err := parseEntry([]byte(bad)); err == nil && string(e.append(nil)) != bad {
					t.Errorf("taken: %s", bad)
				}
			}
		}
	}
	head := listingHeader + "\n"
	for name, text := range map[string]string{
		"empty":        "",
		"no header":    listingLines[0] + "\n",
		"torn":         head + listingLines[0],
		"out of order": head + listingLines[3] + "\n" + listingLines[0] + "\n",
		"twice":        head + listingLines[0] + "\n" + listingLines[0] + "\n",
		"no target":    head + `{"path":"l","type":"symlink","size":"1","mode":"0777","mtimeNs":"0","sha3_512":"` + zeros + `","method":"observed"}` + "\n",
		"wrong target": head + strings.Replace(listingLines[3], `"target":"t"`, `"target":"u"`, 1) + "\n",
		"unknown type": head + strings.Replace(listingLines[0], `"file"`, `"fifo"`, 1) + "\n",
		"path outside": head + strings.Replace(listingLines[0], `"a"`, `"../a"`, 1) + "\n",
		"long line":    head + strings.Repeat(" ", maxLine+1) + "\n",
	} {
		var last error
		for _, err := range Entries(strings.NewReader(text)) {
			last = err
		}
		if last == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestLongLines reads lines that are longer than the buffer, up to the longest
// path there may be.
func TestLongLines(t *testing.T) {
	e := Entry{Leaf: Leaf{Path: strings.Repeat("\x01", maxPath), Type: TypeFile, Size: 1}, Mode: 0o644}
	listing := func(e Entry) string { return listingHeader + "\n" + string(e.append(nil)) + "\n" }
	n := 0
	for got, err := range Entries(strings.NewReader(listing(e) + string(listingLines[3]) + "\n")) {
		must(t, err)
		if n++; n == 1 && got.Path != e.Path || n == 2 && got.Path != "l" {
			t.Errorf("path of %d bytes", len(got.Path))
		}
	}
	if n != 2 {
		t.Errorf("%d entries", n)
	}
	e.Path += "x"
	for text, want := range map[string]string{
		listing(e): "too long",
		listingHeader + "\n" + strings.Repeat(" ", maxLine) + "\n": "longer than",
		"": "empty",
	} {
		for _, err := range Entries(strings.NewReader(text)) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

func FuzzListing(f *testing.F) {
	for _, line := range listingLines {
		f.Add([]byte(listingHeader + "\n" + line + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again := []byte(listingHeader + "\n")
		for e, err := range Entries(bytes.NewReader(data)) {
			if err != nil {
				return
			}
			again = append(e.append(again), '\n')
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("%q became %q", data, again)
		}
	})
}

// TestStrings holds strings to those of RFC 8785, of all characters that have a
// form of their own there, and some more.
func TestStrings(t *testing.T) {
	for r := range rune(0x2100) {
		want, err := canonical.Marshal(string(r))
		must(t, err)
		if got := appendString(nil, string(r)); string(got) != string(want) {
			t.Errorf("%U: %s, want %s", r, got, want)
		}
	}
}
