package query

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/internal/human"
)

// JSON writes an answer, indented by two spaces. Equal answers are equal bytes.
func JSON(w io.Writer, answer any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(answer)
}

// TextOptions say how answers are printed.
type TextOptions struct {
	Color bool
	Hints bool // print what to do about problems, once for each code
}

// Text prints an answer of this package, or a *lifecycle.Timeline or
// *lifecycle.Difference, for people at a terminal. What records say is made
// harmless to print.
func Text(w io.Writer, answer any, o TextOptions) error {
	p := &printer{w: w, o: o}
	switch a := answer.(type) {
	case *lifecycle.Timeline:
		p.timeline(a)
	case *lifecycle.Difference:
		p.difference(a)
	case *Model:
		p.model(a)
	case *Runs:
		p.runs(a)
	case *Hits:
		p.hits(a)
	case *Devices:
		p.devices(a)
	case *FileAnswer:
		p.file(a)
	default:
		return fmt.Errorf("no text for %T", answer)
	}
	return p.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	o   TextOptions
	err error
}

// printf prints a line; its arguments are made visible.
func (p *printer) printf(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = human.Visible(a)
		case fmt.Stringer:
			args[i] = human.Visible(a.String())
		case painted:
			args[i] = string(a)
		}
	}
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// painted is text of our own that may have colours.
type painted string

func (p *printer) paint(color, text string) painted {
	if !p.o.Color {
		return painted(text)
	}
	return painted("\x1b[" + color + "m" + text + "\x1b[0m")
}

func (p *printer) severity(s lifecycle.Severity) painted {
	color := map[lifecycle.Severity]string{lifecycle.Error: "31", lifecycle.Warning: "33"}[s]
	if color == "" {
		color = "2"
	}
	return p.paint(color, fmt.Sprintf("%-7s", s))
}

// table prints rows in columns; cells are made visible.
func (p *printer) table(rows [][]string) {
	if p.err != nil {
		return
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, human.Visible(cell))
		}
		fmt.Fprint(t, "\n")
	}
	p.err = t.Flush()
}

func (p *printer) head(title string) { p.printf("\n%s\n", p.paint("1", human.Visible(title))) }

// snapshot ends an answer: what it rests on.
func (p *printer) snapshot(s *lifecycle.Snapshot) {
	if s == nil {
		return
	}
	p.printf("\n")
	if s.Records < s.Size {
		p.printf("Of the first %d records of %s, in the tree of size %d with root %s.\n", s.Records, s.Origin, s.Size, s.Root)
	} else {
		p.printf("Of %s at size %d, root %s.\n", s.Origin, s.Size, s.Root)
	}
	p.printf("Records were found by the ledger's index, which auditlog verify holds against them.\n")
}

func at(m lifecycle.Mark) string { return fmt.Sprintf("#%d", m.Index) }

// when shortens a claimed time to seconds, where it has no more to say.
func when(m lifecycle.Mark) string {
	if t, err := time.Parse(time.RFC3339Nano, m.Time); err == nil {
		return t.Format("2006-01-02 15:04:05Z")
	}
	return m.Time
}

// declared is what was said of a data set, beside its hashes.
func declared(d *lifecycle.Data) string {
	var said []string
	for _, x := range []struct{ what, text string }{
		{"", d.Source},
		{"acquired ", d.AcquiredAt},
		{"medium ", d.Medium},
		{"sampling ", d.Sampling},
		{"licence ", d.Licence},
		{"class ", d.Classification},
	} {
		if x.text != "" {
			said = append(said, x.what+x.text)
		}
	}
	return strings.Join(said, "; ")
}

func (p *printer) timeline(t *lifecycle.Timeline) {
	p.printf("%s %s: %s\n", p.paint("1", human.Visible(t.Model)), p.paint("1", human.Visible(t.Version)), p.paint("1", string(t.State)))
	p.head("Events")
	p.events(t.Events)
	if len(t.Runs) > 0 {
		p.head("Runs")
		var rows [][]string
		for _, r := range t.Runs {
			rows = append(rows, runRow(&r))
		}
		p.table(rows)
	}
	if len(t.Data) > 0 {
		p.head("Data")
		var rows [][]string
		for _, d := range t.Data {
			validated := "not validated"
			if d.Validated != nil {
				validated = "validated " + at(*d.Validated) + ": " + d.Verdict
			}
			registered := "not registered"
			if d.Registered != nil {
				registered = "registered " + at(*d.Registered)
			}
			rows = append(rows, []string{
				d.Name, strings.Join(d.Roles, ", "), human.Count(int(d.Fingerprint.Files), "file"), human.Bytes(int64(d.Fingerprint.Bytes)),
				"tree " + human.Digest(d.Fingerprint.Tree.Root.String()), registered, validated, declared(&d),
			})
		}
		p.table(rows)
	}
	if len(t.Artifacts) > 0 {
		p.head("Artefacts")
		var rows [][]string
		for _, a := range t.Artifacts {
			name, digest := "sha3_512", a.Digest["sha3_512"]
			if digest == "" {
				name, digest = "sha256", a.Digest["sha256"]
			}
			rows = append(rows, []string{a.Name, human.Bytes(a.Size), name + " " + human.Digest(digest), string(a.By) + " " + at(a.From)})
		}
		p.table(rows)
	}
	if len(t.Devices) > 0 {
		p.head("Devices")
		var rows [][]string
		for _, d := range t.Devices {
			runs := ""
			if d.Runs != "" {
				runs = "runs " + d.Runs
			}
			rows = append(rows, []string{device(d.Device, d.Type), d.Environment, string(d.State), "since " + at(d.Since), when(d.Since), runs})
		}
		p.table(rows)
	}
	p.problems(t.Problems, t.Counts)
	for _, r := range t.Remarks {
		p.printf("Not looked at: %s\n", r)
	}
	p.snapshot(t.Ledger)
}

func (p *printer) events(events []lifecycle.Event) {
	var rows [][]string
	for _, e := range events {
		who := "nobody who is trusted"
		var names []string
		for _, s := range e.Signers {
			names = append(names, s.Name)
		}
		if len(names) > 0 {
			who = strings.Join(names, ", ")
		}
		rows = append(rows, []string{at(e.Mark), when(e.Mark), string(e.Event), who, e.Line})
	}
	p.table(rows)
}

func runRow(r *lifecycle.Run) []string {
	row := []string{r.ID, string(r.Outcome)}
	for i, m := range []*lifecycle.Mark{r.Started, r.Ended} {
		if m == nil {
			row = append(row, []string{"no start", "no end"}[i])
		} else {
			row = append(row, []string{"started ", "ended "}[i]+at(*m)+" "+when(*m))
		}
	}
	beats := human.Count(r.Heartbeats.Count, "heartbeat")
	if r.Heartbeats.Silence > 0 {
		beats += ", longest silence " + (time.Duration(r.Heartbeats.Silence) * time.Second).String()
	}
	return append(row, beats)
}

func (p *printer) problems(problems []lifecycle.Problem, c lifecycle.Counts) {
	if len(problems) == 0 {
		p.head("No problems")
		return
	}
	p.head(fmt.Sprintf("Problems: %s, %s, %s", human.Count(c.Errors, "error"), human.Count(c.Warnings, "warning"), human.Count(c.Notes, "note")))
	hinted := map[string]bool{}
	for _, severity := range []lifecycle.Severity{lifecycle.Error, lifecycle.Warning, lifecycle.Note} {
		for _, x := range problems {
			if x.Severity != severity {
				continue
			}
			p.printf("%s %s %s: %s\n", p.severity(x.Severity), x.Code, at(x.Mark), x.Message)
			if p.o.Hints && !hinted[x.Code] {
				hinted[x.Code] = true
				p.printf("        %s\n", x.Hint)
			}
		}
	}
}

func device(name, kind string) string {
	switch {
	case name == "":
		return kind
	case kind == "":
		return name
	}
	return name + " (" + kind + ")"
}
