package audit

import "fmt"

// A Document is something outside of the ledger that a record names.
type Document struct {
	Member string // of the predicate, such as params.form
	*Attachment
	Listing bool // it lists the files of a data set: large, and perhaps not for everybody
}

// Documents lists what the record names and keeps outside of the ledger, in a
// fixed order.
func (p *Predicate) Documents() []Document {
	var all []Document
	add := func(member string, a *Attachment, listing bool) {
		if a != nil {
			all = append(all, Document{member, a, listing})
		}
	}
	for i, d := range p.Data {
		add(fmt.Sprintf("data[%d].listing", i), d.Listing, true)
	}
	if p.Params != nil {
		add("params.form", p.Params.Form, false)
	}
	if p.Toolchain != nil {
		add("toolchain.report", p.Toolchain.Report, false)
	}
	if p.Validation != nil {
		add("validation.report", p.Validation.Report, false)
	}
	if p.Evaluation != nil {
		add("evaluation.plan", p.Evaluation.Plan, false)
		add("evaluation.report", p.Evaluation.Report, false)
	}
	if p.Approval != nil {
		add("approval.document", p.Approval.Document, false)
	}
	if p.Bridge != nil {
		add("bridge.config", p.Bridge.Config, false)
	}
	if p.Incident != nil {
		add("incident.document", p.Incident.Document, false)
	}
	for i := range p.Attachments {
		add(fmt.Sprintf("attachments[%d]", i), &p.Attachments[i], false)
	}
	for i, c := range p.Cut {
		add(fmt.Sprintf("cut[%d].whole", i), c.Whole, false)
	}
	return all
}
