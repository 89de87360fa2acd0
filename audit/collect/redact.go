package collect

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/redact"
)

// ErrSecret is a name that holds a secret. A name cannot be redacted, or nobody
// would find what it names.
var ErrSecret = errors.New("holds what looks like a secret")

// Redact takes secrets out of the texts of a predicate that were written by
// hand: note, labels, reasons, arguments and the like. A secret in a name, such
// as that of a model, a file or a metric, is ErrSecret; the error does not
// quote it.
func Redact(p *audit.Predicate, siteKey []byte) error {
	r, err := redact.New(siteKey)
	if err != nil {
		return err
	}
	for _, text := range texts(p) {
		*text, _ = r.Text(*text)
	}
	if p.Process != nil {
		p.Process.Argv = r.Args(p.Process.Argv)
	}
	labels := map[string]string{}
	for name, value := range p.Labels {
		labels[name], _ = r.Value(name, value)
	}
	if p.Labels != nil {
		p.Labels = labels
	}
	return secretNames(p)
}

// secretNames is ErrSecret if one of the names in p is a secret.
func secretNames(p *audit.Predicate) error {
	all := names(p)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if redact.HasToken(all[what]) {
			return fmt.Errorf("%s %w", what, ErrSecret)
		}
	}
	return nil
}

// texts lists what is free text.
func texts(p *audit.Predicate) []*string {
	all := []*string{&p.Note}
	for i := range p.Data {
		d := &p.Data[i]
		all = append(all, &d.Source, &d.Medium, &d.Sampling, &d.Licence, &d.Classification)
	}
	if q := p.Params; q != nil {
		for i := range q.Flags {
			all = append(all, &q.Flags[i].Message)
		}
	}
	if v := p.Validation; v != nil {
		all = append(all, &v.Tool)
	}
	if a := p.Approval; a != nil {
		all = append(all, &a.Reason)
	}
	if e := p.Export; e != nil {
		all = append(all, &e.Tool)
	}
	if b := p.Bridge; b != nil {
		all = append(all, &b.Target)
	}
	if d := p.Deployment; d != nil {
		all = append(all, &d.Environment, &d.Before, &d.After, &d.SWIN)
	}
	if r := p.Incident; r != nil {
		all = append(all, &r.Summary)
	}
	if r := p.Retention; r != nil {
		all = append(all, &r.Until)
	}
	if k := p.Key; k != nil {
		all = append(all, &k.Reason)
	}
	for i := range p.Gaps {
		all = append(all, &p.Gaps[i].Reason)
	}
	return all
}

// names lists what is looked for as it stands, by where it stands.
func names(p *audit.Predicate) map[string]string {
	all := map[string]string{
		"origin": p.Origin, "id": p.ID, "modelId": p.Model, "version": p.Version, "runId": p.Run, "actor.id": p.Actor.ID,
		"labels": strings.Join(slices.Sorted(maps.Keys(p.Labels)), " "),
	}
	attachment := func(what string, a *audit.Attachment) {
		if a != nil {
			all[what+".name"] = a.Name + " " + a.MediaType
		}
	}
	for i, d := range p.Data {
		at := fmt.Sprintf("data[%d]", i)
		all[at+".name"], all[at+".role"] = d.Name, d.Role
		attachment(at+".listing", d.Listing)
	}
	if q := p.Params; q != nil {
		attachment("params.form", q.Form)
		all["params.redacted"] = strings.Join(q.Redacted, " ")
		for i, f := range q.Files {
			all[fmt.Sprintf("params.files[%d].name", i)] = f.Name
		}
		for i, f := range q.Flags {
			all[fmt.Sprintf("params.flags[%d].key", i)] = f.Key
		}
	}
	if t := p.Toolchain; t != nil {
		attachment("toolchain.report", t.Report)
		for name, version := range t.Versions {
			all["toolchain.versions."+name] = name + " " + version
		}
	}
	for i, a := range p.Outputs {
		all[fmt.Sprintf("outputs[%d].name", i)] = a.Name
	}
	for i, m := range p.Metrics {
		all[fmt.Sprintf("metrics[%d]", i)] = m.Name + " " + m.Unit + " " + m.Stage
	}
	if v := p.Validation; v != nil {
		attachment("validation.report", v.Report)
	}
	if e := p.Evaluation; e != nil {
		all["evaluation.name"] = e.Name
		attachment("evaluation.plan", e.Plan)
		attachment("evaluation.report", e.Report)
		for i, t := range e.Thresholds {
			all[fmt.Sprintf("evaluation.thresholds[%d].metric", i)] = t.Metric
		}
	}
	if a := p.Approval; a != nil {
		attachment("approval.document", a.Document)
	}
	if e := p.Export; e != nil {
		all["export.format"] = e.Format + " " + strings.Join(slices.Sorted(maps.Keys(e.Opsets)), " ")
		if e.From != nil {
			all["export.from.name"] = e.From.Name
		}
	}
	if b := p.Bridge; b != nil {
		attachment("bridge.config", b.Config)
	}
	if d := p.Deployment; d != nil {
		all["deployment.device"] = d.Device + " " + d.DeviceType
	}
	if r := p.Incident; r != nil {
		all["incident.device"] = r.Device
		attachment("incident.document", r.Document)
	}
	if r := p.Retention; r != nil {
		all["retention.regime"] = r.Regime
	}
	if k := p.Key; k != nil && k.New != nil {
		all["key.new.name"] = k.New.Name
	}
	if g := p.Ledger; g != nil {
		all["ledger.origin"] = g.Origin
		for i, k := range g.Keys {
			all[fmt.Sprintf("ledger.keys[%d].name", i)] = k.Name
		}
	}
	for i, a := range p.Attachments {
		attachment(fmt.Sprintf("attachments[%d]", i), &a)
	}
	for i, g := range p.Gaps {
		all[fmt.Sprintf("gaps[%d].what", i)] = g.What
	}
	for i, x := range p.Cut {
		all[fmt.Sprintf("cut[%d].member", i)] = x.Member
		attachment(fmt.Sprintf("cut[%d].whole", i), x.Whole)
	}
	return all
}
