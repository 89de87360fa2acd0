package fingerprint

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ManifestName is the file name that RFC 8493 (BagIt) gives a manifest of
// SHA3-512.
const ManifestName = "manifest-sha3512.txt"

var escaper = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

// appendManifestLine appends the digest, two spaces, the path with %, CR and
// LF escaped (RFC 8493 section 2.1.3), and a line feed.
func appendManifestLine(b []byte, d Digest, path string) []byte {
	b = append(append(b, d.String()...), "  "...)
	return append(append(b, escaper.Replace(path)...), '\n')
}

// parseManifestLine reads a line of a manifest, or one that openssl dgst -r
// wrote: there an asterisk stands before the path, and a path with a line feed
// has it as \n, with a backslash before the digest to say so. openssl writes
// other backslashes as they are.
func parseManifestLine(line string) (d Digest, path string, err error) {
	line, escaped := strings.CutPrefix(line, `\`)
	if len(line) < 2*len(d)+3 {
		return d, "", errors.New("too short for a digest and a path")
	}
	if err := parseHex(d[:], []byte(line[:2*len(d)])); err != nil {
		return d, "", err
	}
	sep, path := line[2*len(d):2*len(d)+2], line[2*len(d)+2:]
	switch {
	case sep == " *" && escaped:
		path = strings.ReplaceAll(path, `\n`, "\n")
	case sep == " *":
	case sep == "  " && !escaped:
		if path, err = unescape(path); err != nil {
			return d, "", err
		}
	default:
		return d, "", errors.New("the digest is not followed by two spaces")
	}
	if sep == " *" {
		path = strings.TrimPrefix(path, "./")
	}
	return d, path, checkPathText(path)
}

// unescape undoes escaper and refuses what it would not have written.
func unescape(s string) (string, error) {
	if strings.Contains(s, "\r") {
		return "", errors.New("a carriage return that is not escaped")
	}
	parts := strings.Split(s, "%")
	for i, p := range parts[1:] {
		var c string
		switch {
		case strings.HasPrefix(p, "25"):
			c = "%"
		case strings.HasPrefix(p, "0D"):
			c = "\r"
		case strings.HasPrefix(p, "0A"):
			c = "\n"
		default:
			return "", errors.New("a percent sign that is not part of %25, %0D or %0A")
		}
		parts[i+1] = c + p[2:]
	}
	return strings.Join(parts, ""), nil
}

// readManifest puts the lines of a manifest, in any order, into s: key path,
// value digest.
func readManifest(r io.Reader, s *sorter) error {
	lines := newLines(r)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var d Digest
		var path string
		if err == nil {
			d, path, err = parseManifestLine(string(line))
		}
		if err != nil {
			return fmt.Errorf("manifest, line %d: %w", lines.number, err)
		}
		if err := s.add([]byte(path), d[:]); err != nil {
			return err
		}
	}
}
