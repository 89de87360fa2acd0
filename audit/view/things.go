package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/internal/human"
)

// size is a number of bytes, for people and in full.
func size(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return fmt.Sprintf("%s (%d B)", human.Bytes(int64(n)), n)
}

func (b *builder) data(d *lifecycle.Data) data {
	f := &d.Fingerprint
	x := data{
		Name: see(d.Name), Files: strconv.FormatUint(f.Files, 10), Bytes: size(f.Bytes), Uses: d.Uses,
		Status: b.words.of("status", string(f.Status)), Verdict: b.words.of("verdict", d.Verdict),
		Registered: markOf(d.Registered), Validated: markOf(d.Validated),
		Hashes: []hash{
			{b.words.get("manifest"), f.Manifest.String()},
			{b.words.get("tree"), f.Tree.Root.String()},
			{b.words.get("content"), f.Content.Root.String()},
		},
		Redo: folderCommand(d.Name, f.Manifest.String()),
	}
	var roles []string
	for _, r := range d.Roles {
		roles = append(roles, see(r))
	}
	x.Roles = strings.Join(roles, b.words.get("comma"))
	x.Facts = b.declared(d)
	return x
}

// declared is what the records declare of a data set, the first word for each.
func (b *builder) declared(d *lifecycle.Data) []param {
	facts := []param{{Key: "source"}, {Key: "acquired"}, {Key: "medium"}, {Key: "sampling"}, {Key: "licence"}, {Key: "classification"}}
	for _, e := range b.t.Events {
		if e.Record == nil {
			continue
		}
		for _, x := range e.Record.Predicate().Data {
			if x.Fingerprint.Tree.Root != d.Fingerprint.Tree.Root {
				continue
			}
			for i, s := range []string{x.Source, x.AcquiredAt, x.Medium, x.Sampling, x.Licence, x.Classification} {
				if facts[i].Value == "" {
					facts[i].Value = see(s)
				}
			}
		}
	}
	var all []param
	for _, f := range facts {
		if f.Value != "" {
			all = append(all, param{Key: b.words.get(f.Key), Value: f.Value})
		}
	}
	return all
}

func (b *builder) artifact(a *lifecycle.Artifact) artifact {
	x := artifact{
		Name: see(a.Name), Kind: b.words.of("kind", a.Kind), Bytes: size(uint64(a.Size)),
		Event: b.words.of("event", string(a.By)), From: mark(a.From),
	}
	for _, n := range [...]struct{ key, name, option string }{{"sha3_512", "SHA3-512", "-sha3-512"}, {"sha256", "SHA-256", "-sha256"}} {
		digest := a.Digest[n.key]
		if digest == "" {
			continue
		}
		x.Hashes = append(x.Hashes, hash{n.name, see(digest)})
		switch {
		case a.Kind == "file":
			x.Redo = append(x.Redo, fileCommand(n.option, a.Name, see(digest)))
		case n.key == "sha3_512":
			x.Redo = append(x.Redo, folderCommand(a.Name, see(digest)))
		}
	}
	return x
}

// decision is what an event says about the fitness of a version.
func (b *builder) decision(e *lifecycle.Event) (decision, bool) {
	if e.Record == nil {
		return decision{}, false
	}
	p := e.Record.Predicate()
	x := decision{
		Index: e.Index, Event: see(string(e.Event)), Name: b.words.of("event", string(e.Event)),
		Time: see(e.Time), Signers: b.signers(e.Signers),
	}
	switch p.Event {
	case audit.EvalPreregistered, audit.EvalFinished:
		x.Reason, x.Verdict = see(p.Evaluation.Name), b.words.of("verdict", p.Evaluation.Verdict)
		for _, t := range p.Evaluation.Thresholds {
			x.Thresholds = append(x.Thresholds, see(t.Metric+" "+t.Op+" "+t.Value))
		}
	case audit.Approved, audit.Rejected:
		x.Reason, x.Expiry = see(p.Approval.Reason), see(p.Approval.Expires)
	case audit.DataValidated:
		x.Reason, x.Verdict = see(p.Validation.Tool), b.words.of("verdict", p.Validation.Verdict)
	case audit.Incident:
		x.Reason, x.Verdict = see(p.Incident.Summary), b.words.of("gravity", p.Incident.Severity)
	default:
		return x, false
	}
	for _, m := range p.Metrics {
		x.Metrics = append(x.Metrics, metric{see(m.Name), see(strings.TrimSpace(m.Value + " " + m.Unit)), see(m.Stage)})
	}
	return x, true
}
