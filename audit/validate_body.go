package audit

import (
	"fmt"
	"slices"
)

// body checks the members that are there, whatever the event.
func (c *checker) body(p *Predicate) {
	for i, d := range p.Data {
		at := fmt.Sprintf("data[%d]", i)
		c.name(at+".name", d.Name, true)
		c.name(at+".role", d.Role, false)
		c.oneOf(at+".fingerprint.status", string(d.Fingerprint.Status), "complete", "partial")
		c.attachment(at+".listing", d.Listing)
		c.time(at+".acquiredAt", d.AcquiredAt, false)
	}
	if q := p.Params; q != nil {
		c.oneOf("params.method", q.Method, "observed", "declared")
		c.attachment("params.form", q.Form)
		for i, f := range q.Files {
			c.name(fmt.Sprintf("params.files[%d].name", i), f.Name, true)
		}
	}
	if t := p.Toolchain; t != nil {
		c.attachment("toolchain.report", t.Report)
	}
	if x := p.Process; x != nil {
		if len(x.Argv) == 0 {
			c.fail("process.argv", "is empty")
		}
		c.time("process.started", x.Started, false)
		c.time("process.ended", x.Ended, false)
	}
	for i, a := range p.Outputs {
		c.artifact(fmt.Sprintf("outputs[%d]", i), &a)
	}
	for i, m := range p.Metrics {
		at := fmt.Sprintf("metrics[%d]", i)
		c.name(at+".name", m.Name, true)
		c.decimal(at+".value", m.Value)
		if m.Data != "" {
			c.hex(at+".data", m.Data, 64)
		}
	}
	if v := p.Validation; v != nil {
		c.name("validation.tool", v.Tool, true)
		c.oneOf("validation.verdict", v.Verdict, "pass", "fail", "incomplete")
		c.attachment("validation.report", v.Report)
	}
	c.evaluation(p)
	if a := p.Approval; a != nil {
		c.attachment("approval.document", a.Document)
		c.time("approval.expires", a.Expires, false)
	}
	if e := p.Export; e != nil {
		c.name("export.format", e.Format, true)
		c.artifact("export.from", e.From)
	}
	if b := p.Bridge; b != nil {
		c.attachment("bridge.config", b.Config)
	}
	if d := p.Deployment; d != nil {
		if d.Device == "" && d.DeviceType == "" {
			c.fail("deployment", "names neither device nor deviceType")
		}
		c.name("deployment.device", d.Device, false)
		c.name("deployment.deviceType", d.DeviceType, false)
		if d.Result != "" {
			c.oneOf("deployment.result", d.Result, "ok", "failed", "partial")
		}
	}
	if r := p.Incident; r != nil {
		c.oneOf("incident.severity", r.Severity, "low", "medium", "high", "critical")
		if r.Summary == "" {
			c.fail("incident.summary", "is empty")
		}
		c.attachment("incident.document", r.Document)
	}
	if r := p.Retention; r != nil {
		c.name("retention.regime", r.Regime, true)
	}
	c.trust(p)
	for i, a := range p.Attachments {
		c.attachment(fmt.Sprintf("attachments[%d]", i), &a)
	}
	for i, g := range p.Gaps {
		at := fmt.Sprintf("gaps[%d]", i)
		c.name(at+".what", g.What, true)
		if g.Reason == "" {
			c.fail(at+".reason", "is empty")
		}
	}
	for i, x := range p.Cut {
		at := fmt.Sprintf("cut[%d]", i)
		c.name(at+".member", x.Member, true)
		if x.Items < 1 {
			c.fail(at+".items", "%d, of a list that was too long", x.Items)
		}
		c.attachment(at+".whole", x.Whole)
	}
}

func (c *checker) artifact(member string, a *Artifact) {
	if a == nil {
		return
	}
	c.name(member+".name", a.Name, true)
	c.oneOf(member+".kind", a.Kind, "file", "folder")
	if a.Size < 0 {
		c.fail(member+".size", "is negative")
	}
	c.digests(member, a.Digest)
	if (a.Kind == "folder") != (a.Tree != nil) {
		c.fail(member+".tree", "belongs to a folder, and only to a folder")
	}
}

func (c *checker) evaluation(p *Predicate) {
	e := p.Evaluation
	if e == nil {
		return
	}
	c.name("evaluation.name", e.Name, true)
	c.attachment("evaluation.plan", e.Plan)
	c.attachment("evaluation.report", e.Report)
	for i, t := range e.Thresholds {
		at := fmt.Sprintf("evaluation.thresholds[%d]", i)
		c.name(at+".metric", t.Metric, true)
		c.oneOf(at+".op", t.Op, ">=", ">", "<=", "<")
		c.decimal(at+".value", t.Value)
	}
	if e.Verdict != "" {
		c.oneOf("evaluation.verdict", e.Verdict, "pass", "fail")
	}
}

// trust checks what changes the keys that are trusted.
func (c *checker) trust(p *Predicate) {
	if g := p.Ledger; g != nil {
		if g.Origin != p.Origin {
			c.fail("ledger.origin", "is %q, the record is for %q", g.Origin, p.Origin)
		}
		c.text("ledger.log", g.Log, true, MaxLogKey)
		if len(g.Keys) == 0 {
			c.fail("ledger.keys", "is empty: nobody could sign")
		}
		for i := range g.Keys {
			c.signer(fmt.Sprintf("ledger.keys[%d]", i), &g.Keys[i])
		}
		c.policy("ledger.policy", &g.Policy)
	}
	c.policy("policy", p.Policy)
	k := p.Key
	if k == nil {
		return
	}
	c.signer("key.new", k.New)
	c.text("key.old", k.Old, false, MaxLogKey) // an id, or a log's key
	c.text("key.log", k.Log, false, MaxLogKey)
	if k.Since != nil && *k.Since < 0 {
		c.fail("key.since", "is negative")
	}
	switch p.Event {
	case KeyAdded:
		if k.New == nil || k.Old != "" || k.Log != "" {
			c.fail("key", "%s has new, and neither old nor log", p.Event)
		}
	case KeyRotated:
		if k.Old == "" || (k.New == nil) == (k.Log == "") {
			c.fail("key", "%s has old, and either new or log", p.Event)
		}
	case KeyRevoked:
		if k.Old == "" || k.New != nil || k.Log != "" {
			c.fail("key", "%s has old, and neither new nor log", p.Event)
		}
	}
}

func (c *checker) signer(member string, k *SignerKey) {
	if k == nil {
		return
	}
	c.hex(member+".keyId", k.ID, 32)
	c.oneOf(member+".algorithm", k.Algorithm, "ed25519", "ecdsa-p256-sha256")
	if len(k.Public) == 0 {
		c.fail(member+".publicKey", "is empty")
	}
	c.name(member+".name", k.Name, true)
	for _, r := range k.Roles {
		if !slices.Contains(Roles(), r) {
			c.fail(member+".roles", "unknown role %q", r)
		}
	}
}

func (c *checker) policy(member string, p *Policy) {
	if p == nil {
		return
	}
	for e, n := range p.Threshold {
		if _, ok := KindOf(e); !ok {
			c.fail(member+".threshold", "unknown event %q", e)
		}
		if n < 1 || n > 16 {
			c.fail(member+".threshold", "%d signatures for %s, want 1 to 16", n, e)
		}
	}
	for _, pair := range p.Separate {
		for _, r := range pair {
			if !slices.Contains(Roles(), r) {
				c.fail(member+".separate", "unknown role %q", r)
			}
		}
	}
}
