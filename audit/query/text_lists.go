package query

import (
	"strings"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/internal/human"
)

func (p *printer) model(m *Model) {
	p.printf("%s: %s\n\n", p.paint("1", human.Visible(m.Model)), human.Count(len(m.Versions), "version"))
	var rows [][]string
	for _, s := range m.Versions {
		rows = append(rows, []string{
			s.Version, string(s.State), at(s.First) + " to " + at(s.Last), when(s.Last), human.Count(s.Runs, "run"),
			human.Count(s.Counts.Errors, "error") + ", " + human.Count(s.Counts.Warnings, "warning"),
		})
	}
	p.table(rows)
	p.snapshot(m.Ledger)
}

func (p *printer) runs(a *Runs) {
	for i, r := range a.Runs {
		if i > 0 {
			p.printf("\n")
		}
		p.printf("run %s of %s %s\n", r.Run.ID, r.Model, r.Version)
		p.table([][]string{runRow(&r.Run)})
		p.head("Events")
		p.events(r.Events)
		p.problems(r.Problems, r.Counts)
	}
	p.snapshot(a.Ledger)
}

func (p *printer) hitRows(hits []Hit) {
	var rows [][]string
	for _, h := range hits {
		faults := ""
		if len(h.Faults) > 0 {
			faults = "not to be believed: " + strings.Join(h.Faults, ", ")
		}
		rows = append(rows, []string{at(h.Mark), when(h.Mark), string(h.Event), strings.TrimSpace(h.Model + " " + h.Version), h.Run, h.What, faults})
	}
	p.table(rows)
}

func (p *printer) hits(h *Hits) {
	p.printf("%s: %s\n", h.Asked, human.Count(len(h.Hits), "record"))
	if len(h.Hits) > 0 {
		p.printf("\n")
		p.hitRows(h.Hits)
	}
	p.snapshot(h.Ledger)
}

func (p *printer) devices(d *Devices) {
	p.printf("%s\n\n", p.paint("1", human.Visible(d.Asked)))
	var rows [][]string
	for _, i := range d.Installations {
		until := ""
		if i.Until != nil {
			until = "until " + at(*i.Until) + " " + when(*i.Until)
		}
		rows = append(rows, []string{device(i.Device, i.Type), i.Environment, i.Model + " " + i.Version, string(i.State), "from " + at(i.From) + " " + when(i.From), until, i.SWIN})
	}
	p.table(rows)
	if len(d.Faults) > 0 {
		p.head("Records that are not to be believed")
		p.hitRows(d.Faults)
	}
	p.snapshot(d.Ledger)
}

func (p *printer) file(a *FileAnswer) {
	what := "file with SHA3-512 " + a.Asked.Digest
	if a.Asked.Path != "" {
		what = "path " + a.Asked.Path
	}
	counts := map[Has]int{}
	for _, d := range a.Data {
		counts[d.Has]++
	}
	p.printf("%s\ncontained in %d of %s, absent from %d, unknown of %d\n", what, counts[Holds], human.Count(len(a.Data), "data set"), counts[Lacks], counts[Unsure])
	for _, has := range []Has{Holds, Unsure, Lacks} {
		if counts[has] == 0 {
			continue
		}
		p.head(string(has))
		for _, d := range a.Data {
			if d.Has != has {
				continue
			}
			p.printf("%s (tree %s, record %s)", d.Name, human.Digest(d.Tree.Root.String()), at(d.First))
			if d.Reason != "" {
				p.printf(": %s", d.Reason)
			}
			p.printf("\n")
			p.hitRows(d.Trained)
		}
	}
	p.snapshot(a.Ledger)
}

func (p *printer) difference(d *lifecycle.Difference) {
	for i, s := range []lifecycle.Side{d.A, d.B} {
		commit := ""
		if s.Commit != "" {
			commit = ", commit " + human.Digest(s.Commit)
			if s.Dirty {
				commit += " with changes"
			}
		}
		run := "no run"
		if s.Record != nil {
			run = "run " + s.Run + " (" + at(*s.Record) + ")"
		}
		p.printf("%s %s %s: %s, %s%s\n", []string{"-", "+"}[i], s.Model, s.Version, string(s.State), run, commit)
	}
	for _, part := range []struct {
		title string
		all   []lifecycle.Change
	}{
		{"Data", d.Data},
		{"Hyper-parameters", d.Params},
		{"Versions of tools", d.Versions},
		{"Toolchain", d.Toolchain},
		{"Artefacts", d.Outputs},
		{"Metrics", d.Metrics},
	} {
		if len(part.all) == 0 {
			continue
		}
		p.head(part.title)
		for _, c := range part.all {
			if c.A != "" && c.B != "" {
				p.printf("~ %s: %s -> %s\n", c.Name, c.A, c.B)
				continue
			}
			p.printf("%s %s: %s\n", map[bool]string{true: "+", false: "-"}[c.A == ""], c.Name, c.A+c.B)
		}
	}
	if d.Same() {
		p.printf("\nNothing differs.\n")
	}
	for _, u := range d.Unknown {
		p.printf("\nNot compared: %s\n", u)
	}
	p.snapshot(d.Ledger)
}
