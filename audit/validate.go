package audit

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxName is the most bytes of a model, version, run or other name.
const MaxName = 256

// MaxLogKey is the most bytes of the verifier key of a log: that of a ledger on
// Fabric names organisations.
const MaxLogKey = 16 << 10

// Validate checks that the predicate says what its event must say, in the form
// that schemas/lifecycle.schema.json describes. Its errors are ErrInvalid, with
// the member to blame.
func (p *Predicate) Validate() error {
	c := &checker{}
	kind, known := KindOf(p.Event)
	if !known {
		return fmt.Errorf("%w: unknown event %q", ErrInvalid, p.Event)
	}
	if p.V != 1 {
		return fmt.Errorf("%w: version %d of the predicate, want 1", ErrInvalid, p.V)
	}
	for _, member := range kind.Must {
		if !p.has(member) {
			c.fail(member, "%s must have it", p.Event)
		}
	}
	if (p.Model == "") != (p.Version == "") {
		c.fail("version", "modelId and version go together")
	}
	if p.Run != "" && p.Model == "" {
		c.fail("modelId", "a run is of a model")
	}
	c.name("origin", p.Origin, true)
	c.name("id", p.ID, false)
	c.name("modelId", p.Model, false)
	c.name("version", p.Version, false)
	c.name("runId", p.Run, false)
	if p.Prev != nil {
		if p.Prev.Index < 0 {
			c.fail("prev.index", "is negative")
		}
		c.digests("prev", DigestSet{"sha3_512": p.Prev.Digest})
	}
	c.time("time.claimed", p.Time.Claimed, true)
	c.name("actor.id", p.Actor.ID, true)
	c.hex("actor.keyId", p.Actor.KeyID, 32)
	c.body(p)
	return c.err
}

// has reports whether a member that a kind demands is there.
func (p *Predicate) has(member string) bool {
	switch member {
	case "modelId":
		return p.Model != ""
	case "version":
		return p.Version != ""
	case "runId":
		return p.Run != ""
	case "data":
		return len(p.Data) > 0
	case "params":
		return p.Params != nil
	case "toolchain":
		return p.Toolchain != nil && p.Toolchain.Summary != nil
	case "outputs":
		return len(p.Outputs) > 0
	case "metrics":
		return len(p.Metrics) > 0
	case "validation":
		return p.Validation != nil
	case "evaluation":
		return p.Evaluation != nil
	case "approval":
		return p.Approval != nil
	case "export":
		return p.Export != nil
	case "bridge":
		return p.Bridge != nil && p.Bridge.Config != nil
	case "deployment":
		return p.Deployment != nil
	case "incident":
		return p.Incident != nil
	case "ledger":
		return p.Ledger != nil
	case "key":
		return p.Key != nil
	case "policy":
		return p.Policy != nil
	}
	return false
}

// checker keeps the first fault.
type checker struct{ err error }

func (c *checker) fail(member, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s: %s", ErrInvalid, member, fmt.Sprintf(format, args...))
	}
}

func (c *checker) name(member, s string, must bool) { c.text(member, s, must, MaxName) }

// text checks a name of at most so many bytes.
func (c *checker) text(member, s string, must bool, most int) {
	switch {
	case s == "" && must:
		c.fail(member, "is empty")
	case len(s) > most:
		c.fail(member, "has %d bytes, at most %d", len(s), most)
	case !utf8.ValidString(s):
		c.fail(member, "is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.fail(member, "%q has control characters", s)
	}
}

func (c *checker) oneOf(member, s string, values ...string) {
	if !slices.Contains(values, s) {
		c.fail(member, "%q, want %s", s, strings.Join(values, ", "))
	}
}

func (c *checker) hex(member, s string, size int) {
	if b, err := hex.DecodeString(s); err != nil || len(b) != size || strings.ToLower(s) != s {
		c.fail(member, "%.20q is not %d digits of lower-case hexadecimal", s, 2*size)
	}
}

// digestSizes are the digests that may be the only one of a set, and those that
// may stand beside one of them; in bytes.
var (
	strong = map[string]int{"sha3_512": 64, "sha256": 32}
	others = map[string]int{"sha512": 64, "sha384": 48, "sm3": 32, "gitCommit": 20}
)

func (c *checker) digests(member string, set DigestSet) {
	found := false
	for name, digest := range set {
		size, ok := strong[name]
		found = found || ok
		if !ok {
			if size, ok = others[name]; !ok {
				c.fail(member, "unknown digest %q", name)
				continue
			}
		}
		c.hex(member+".digest."+name, digest, size)
	}
	if !found {
		c.fail(member, "has neither sha3_512 nor sha256")
	}
}

func (c *checker) time(member, s string, must bool) {
	if s == "" && !must {
		return
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || s != FormatTime(t) {
		c.fail(member, "%q is not a time such as 2026-01-31T23:59:59.123Z", s)
	}
}

// FormatTime writes a time as records have it: RFC 3339 in UTC, with as many
// digits as it needs.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (c *checker) attachment(member string, a *Attachment) {
	if a == nil {
		return
	}
	c.name(member+".name", a.Name, true)
	c.name(member+".mediaType", a.MediaType, true)
	if a.Size < 0 {
		c.fail(member+".size", "is negative")
	}
	c.digests(member, a.Digest)
}

func (c *checker) decimal(member, s string) {
	switch s {
	case "nan", "inf", "-inf":
		return
	}
	if len(s) > 64 || strings.ContainsAny(s, "_xXpPiInN/") {
		c.fail(member, "%.70q is not a decimal number", s)
		return
	}
	if _, ok := new(big.Rat).SetString(limitExponent(s)); !ok {
		c.fail(member, "%q is not a decimal number", s)
	}
}

// limitExponent leaves out the exponent after looking at it, because
// big.Rat would compute 1e999999999.
func limitExponent(s string) string {
	mantissa, exponent, found := strings.Cut(strings.ToLower(s), "e")
	if !found {
		return s
	}
	digits := strings.TrimLeft(exponent, "+-")
	if len(exponent)-len(digits) > 1 || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return mantissa
}
