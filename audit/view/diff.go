package view

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

//go:embed page/diff.html
var diffHTML string

// A diffPage is what page/diff.html shows.
type diffPage struct {
	head
	Ledger   *lifecycle.Snapshot
	A, B     diffSide
	Sides    []diffSide
	Same     bool
	Unknown  []string
	Sections []changes
}

type (
	diffSide struct {
		Model, Version, State, Run, Commit string
		Record                             *lifecycle.Mark
		Dirty                              bool
	}
	changes struct {
		ID, Head, A, B string
		Changes        []lifecycle.Change
	}
)

// Diff writes the page of what two versions do not share. Of the options, Lang
// counts.
func Diff(w io.Writer, d *lifecycle.Difference, o Options) error {
	words, err := o.Lang.words()
	if err != nil {
		return err
	}
	side := func(s lifecycle.Side) diffSide {
		return diffSide{
			see(s.Model), see(s.Version), words.of("state", string(s.State)), see(s.Run), see(s.Commit), markOf(s.Record), s.Dirty,
		}
	}
	p := &diffPage{Ledger: snapshot(d.Ledger), A: side(d.A), B: side(d.B), Same: d.Same()}
	p.Sides = []diffSide{p.A, p.B}
	p.head = newHead(words, p.A.Model+" "+p.A.Version+" → "+p.B.Model+" "+p.B.Version)
	for _, s := range d.Unknown {
		p.Unknown = append(p.Unknown, see(s))
	}
	for _, s := range []struct {
		id   string
		list []lifecycle.Change
	}{
		{"data", d.Data}, {"params", d.Params}, {"versions", d.Versions}, {"tools", d.Toolchain}, {"artifacts", d.Outputs}, {"metrics", d.Metrics},
	} {
		c := changes{ID: s.id, Head: words.get(s.id), A: p.A.Version, B: p.B.Version}
		if p.A.Model != p.B.Model {
			c.A, c.B = p.A.Model+" "+c.A, p.B.Model+" "+c.B
		}
		for _, x := range s.list {
			c.Changes = append(c.Changes, lifecycle.Change{Name: see(x.Name), A: see(x.A), B: see(x.B)})
		}
		p.Sections = append(p.Sections, c)
	}
	return write(w, words, diffHTML, p)
}

// A head is what the page/common.html needs of every page.
type head struct {
	Lang, Policy, Title string
	CSS                 template.CSS
	JS                  template.JS
}

func newHead(w *words, title string) head {
	return head{Lang: w.lang, Policy: policy(), Title: title, CSS: template.CSS(pageCSS), JS: template.JS(pageJS)}
}

func snapshot(s *lifecycle.Snapshot) *lifecycle.Snapshot {
	if s == nil {
		return nil
	}
	return &lifecycle.Snapshot{Origin: see(s.Origin), Size: s.Size, Root: see(s.Root)}
}
