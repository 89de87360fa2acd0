// Package redact keeps secrets out of records. It decides by the name and by
// the look of a value, and errs on the side of silence: a record lives for ten
// years and is read by strangers.
//
// What is taken out leaves a commitment, HMAC-SHA3-256 under a key of the site,
// so that an auditor who is given the key can tell whether two records held the
// same value, or whether it was a given one. Without the key the commitment
// cannot be tested against guesses. Without a site key nothing is left at all.
package redact

import (
	"crypto/hmac"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"hash"
	"math"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// MinKey is the least length of a site key, in bytes.
const MinKey = 16

// ErrShortKey is a site key that could be guessed.
var ErrShortKey = errors.New("site key is shorter than 16 bytes")

// Redactor takes secrets out of values. Its methods may be called concurrently.
type Redactor struct{ key []byte }

// New makes a Redactor whose commitments are under key; nil for none.
func New(key []byte) (*Redactor, error) {
	if key != nil && len(key) < MinKey {
		return nil, ErrShortKey
	}
	return &Redactor{key: append([]byte(nil), key...)}, nil
}

// Mark is what stands for a value that was taken out and left no commitment.
const Mark = "[redacted]"

// Commit gives what a record says in place of value:
// "[redacted hmac-sha3-256:HEX]", or [Mark] without a site key.
func (r *Redactor) Commit(value string) string {
	if len(r.key) == 0 {
		return Mark
	}
	return "[redacted " + r.Commitment("auditlog/redact/v1\n", value) + "]"
}

// Commitment gives hmac-sha3-256:HEX over domain and value, "" without a site key.
func (r *Redactor) Commitment(domain, value string) string {
	if len(r.key) == 0 {
		return ""
	}
	mac := hmac.New(func() hash.Hash { return sha3.New256() }, r.key)
	mac.Write([]byte(domain))
	mac.Write([]byte(value))
	return "hmac-sha3-256:" + hex.EncodeToString(mac.Sum(nil))
}

// Value gives value, or what stands for it if it is a secret by its name or
// look. Only the secret part of a URL or of a longer text is replaced.
func (r *Redactor) Value(name, value string) (out string, redacted bool) {
	if value == "" || IsRedacted(value) {
		return value, false
	}
	if SecretName(name) && !harmless(value) {
		return r.Commit(value), true
	}
	return r.Text(value)
}

// Text replaces each part of a text that looks like a secret.
func (r *Redactor) Text(text string) (out string, redacted bool) {
	if text == "" {
		return "", false
	}
	out = urlUser().ReplaceAllStringFunc(text, func(m string) string {
		parts := urlUser().FindStringSubmatch(m)
		if IsRedacted(parts[2]) {
			return m
		}
		redacted = true
		return parts[1] + r.Commit(parts[2]) + "@"
	})
	out = pem().ReplaceAllStringFunc(out, func(m string) string {
		redacted = true
		return r.Commit(m)
	})
	out = assignment().ReplaceAllStringFunc(out, func(m string) string {
		parts := assignment().FindStringSubmatch(m)
		if !SecretName(parts[1]) || harmless(parts[3]) || strings.HasPrefix(parts[3], "[redacted") {
			return m
		}
		redacted = true
		return parts[1] + parts[2] + r.Commit(parts[3])
	})
	out = word().ReplaceAllStringFunc(out, func(m string) string {
		if !looksSecret(m) {
			return m
		}
		redacted = true
		return r.Commit(m)
	})
	return out, redacted
}

// HasToken reports whether a text surely holds a secret: a token of a provider
// that made its tokens recognisable, a private key, or a URL with user-info. It
// does not guess from the look of a text as Text does, which takes some names
// (a ULID) for secrets: for what must be refused where it cannot be replaced.
func HasToken(text string) bool {
	if len(text) < shortest && !strings.Contains(text, "://") {
		return false
	}
	if pem().MatchString(text) || urlUser().MatchString(text) {
		return true
	}
	for _, w := range word().FindAllString(text, -1) {
		if prefixes().MatchString(w) || inside().MatchString(w) {
			return true
		}
	}
	return false
}

// IsRedacted reports whether text is what Commit gives.
func IsRedacted(text string) bool {
	return text == Mark || commitment().MatchString(text)
}

// Args redacts a command line: values of flags by the name of the flag
// (--token X, --token=X, token=X), everything by its look.
func (r *Redactor) Args(argv []string) []string {
	out := make([]string, len(argv))
	flag := "" // the flag that the word before named without a value
	for i, arg := range argv {
		name, value, assigned := strings.Cut(arg, "=")
		switch {
		case assigned && value != "" && argName().MatchString(name) && !looksSecret(name):
			value, _ = r.Value(strings.TrimLeft(name, "-"), value)
			out[i], flag = name+"="+value, ""
		case strings.HasPrefix(arg, "-") && argName().MatchString(arg):
			out[i], flag = arg, strings.TrimLeft(arg, "-")
		default:
			out[i], _ = r.Value(flag, arg)
			flag = ""
		}
	}
	return out
}

var (
	commitment = lazyre.New(`^\[redacted hmac-sha3-256:[0-9a-f]{64}\]$`)
	argName    = lazyre.New(`^-{0,2}[A-Za-z_][\w.\-+]{0,80}$`)
	urlUser    = lazyre.New(`([A-Za-z][A-Za-z0-9+.\-]*://)([^\s/@?#]+)@`)
	pem        = lazyre.New(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*-----|$)`)
	assignment = lazyre.New(`([A-Za-z_][\w\-.]{0,80})("?\s*[=:]\s*"?)((?:(?i:bearer|basic)\s+)?[^\s"'&,;]+)`)
	// A word is what could be a token: the separators of paths, lists and
	// assignments end it.
	word = lazyre.New(`[A-Za-z0-9_\-+.~]{8,}(?:/[A-Za-z0-9_\-+]{4,})*={0,2}`)
)

// SecretName reports whether a variable, flag or parameter of this name holds
// a secret. Words decide, not letters: use_cls_token, num_tokens, key_frames
// and monkey are none.
func SecretName(name string) bool {
	words := strings.FieldsFunc(splitCamel(name), func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || r == '/'
	})
	has := map[string]bool{}
	for _, w := range words {
		has[w] = true
	}
	for _, w := range words {
		switch w {
		case "password", "passwd", "passphrase", "passwort", "pwd", "secret", "secrets", "credential", "credentials",
			"apikey", "apitoken", "authtoken", "accesskey", "secretkey", "privatekey", "authorization", "cookie", "bearer", "pat", "dsn":
			return true
		case "pass":
			return words[len(words)-1] == "pass" && !has["num"] && !has["forward"] && !has["backward"] && !has["second"] && !has["single"]
		}
	}
	if n := len(words); n > 0 && (words[n-1] == "token" || words[n-1] == "tok") {
		// Tokens of a tokenizer: cls_token, pad_token, eos.token, ...
		for _, w := range words[:n-1] {
			switch w {
			case "cls", "pad", "eos", "bos", "sep", "mask", "unk", "class", "use", "num", "per", "max", "min", "image", "text", "start", "end", "register", "dist", "distill", "special", "next", "first", "last":
				return false
			}
		}
		return true
	}
	if has["key"] || has["keys"] {
		for _, w := range []string{"api", "access", "secret", "private", "ssh", "auth", "signing", "encryption", "account", "service", "license", "licence", "wandb", "storage", "master", "shared", "aws", "azure", "gcp"} {
			if has[w] {
				return true
			}
		}
	}
	return false
}

// splitCamel puts underscores at the humps of camelCase, and lowers it.
func splitCamel(s string) string {
	var b strings.Builder
	lower := false
	for _, r := range s {
		upper := 'A' <= r && r <= 'Z'
		if upper && lower {
			b.WriteByte('_')
		}
		lower = 'a' <= r && r <= 'z'
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// harmless reports whether a value says nothing, whatever its name is.
func harmless(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "1", "true", "false", "yes", "no", "on", "off", "null", "none", "nil", "~":
		return true
	}
	return false
}

// prefixes of tokens that providers made recognisable.
var prefixes = lazyre.New(`^(?:` + strings.Join([]string{
	`AKIA[0-9A-Z]{16}`, `ASIA[0-9A-Z]{16}`, // AWS key ids
	`gh[pousr]_[A-Za-z0-9]{20,}`, `github_pat_\w{20,}`, `glpat-[\w\-]{20,}`,
	`hf_[A-Za-z0-9]{20,}`, `sk-[\w\-]{16,}`, `sk_(?:live|test)_\w{10,}`, `rk_(?:live|test)_\w{10,}`,
	`xox[abeoprs]-[\w\-]{10,}`, `AIza[\w\-]{30,}`, `ya29\.[\w\-.]{20,}`, `npm_\w{30,}`, `pypi-[\w\-]{20,}`,
	`dop_v1_[0-9a-f]{60,}`, `SG\.[\w\-]{16,}\.[\w\-]{16,}`, `nvapi-[\w\-]{20,}`, `AGE-SECRET-KEY-1\w+`, `hvs\.[\w\-]{20,}`, `dckr_pat_[\w\-]{20,}`,
	`eyJ[\w\-]{8,}\.eyJ[\w\-]{8,}(?:\.[\w\-]*)?`, // JSON web token
}, "|") + `)`)

// shortest is less than any token of prefixes has bytes.
const shortest = 15

// inside finds such a token within a word that starts with something else.
var inside = lazyre.New(`(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|hf_[A-Za-z0-9]{30,}|eyJ[\w\-]{8,}\.eyJ[\w\-]{8,}`)

var (
	hexadecimal = lazyre.New(`^[0-9a-fA-F\-]+$`)
	numeric     = lazyre.New(`^[0-9.eE+\-_:T]+Z?$`)
)

// looksSecret reports whether a word is a token: one with a known prefix, or
// 20 characters and more that look random.
func looksSecret(w string) bool {
	if prefixes().MatchString(w) || inside().MatchString(w) {
		return true
	}
	if len(w) < 20 || numeric().MatchString(w) {
		return false
	}
	// Digests, UUIDs and commits are what records are made of. A secret in
	// hexadecimal is found by its name.
	if hexadecimal().MatchString(w) {
		return false
	}
	// In a path or a name made of words, the longest piece decides; digests in
	// them are as harmless as alone.
	pieces := slices.DeleteFunc(
		strings.FieldsFunc(w, func(r rune) bool { return strings.ContainsRune("/._-", r) }),
		func(piece string) bool { return len(piece) >= 32 && hexadecimal().MatchString(piece) },
	)
	longest := ""
	for _, piece := range pieces {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	return len(longest) >= 20 && mixed(longest) && entropy(longest) >= 3.5 || len(longest) < 20 && randomPieces(pieces)
}

// randomPieces reports whether a word of short pieces is random base64url all
// the same: digits, small and capital letters mixed in most of its pieces.
func randomPieces(pieces []string) bool {
	letters, random := 0, 0
	for _, p := range pieces {
		letters += len(p)
		if len(p) >= 6 && mixed(p) {
			random += len(p)
		}
	}
	return random >= 16 && random*4 >= letters*3
}

// mixed reports whether capital letters, small letters and digits (two of them
// at least) change places often: as in random text, not as in
// ResNet50Backbone2024. Random text of 32 letters and digits passes for words
// less than once in a thousand times.
func mixed(s string) bool {
	kind := func(c byte) int {
		switch {
		case '0' <= c && c <= '9':
			return 0
		case 'a' <= c && c <= 'z':
			return 1
		case 'A' <= c && c <= 'Z':
			return 2
		}
		return 3
	}
	var seen [4]bool
	changes := 0
	for i := range len(s) {
		k := kind(s[i])
		seen[k] = true
		if i > 0 && k != kind(s[i-1]) {
			changes++
		}
	}
	classes := 0
	for _, b := range seen[:3] {
		if b {
			classes++
		}
	}
	switch classes {
	case 3:
		return changes*10 >= len(s)*3
	case 2:
		return changes*8 >= len(s)*3
	}
	return false
}

// entropy gives the bits per character of the text's own distribution.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
