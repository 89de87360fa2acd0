package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

// head is that of the table. The first cell names the part.
var head = []string{"part", "measured", "beside", "asked", "seen"}

// read takes the figures of a part out of what it has printed. One that is not
// there is an error, unless a line "not run: WHO: reason" names the
// part, the peer, or who stands in the row that is missing.
// At the smoke size, large figures are not looked for.
func read(p part, printed string, smoke bool) (rows [][]string, err error) {
	tables := figures.Tables(printed)
	absent := map[string]string{}
	for l := range strings.Lines(printed) {
		if what, ok := strings.CutPrefix(strings.TrimSpace(l), "not run: "); ok {
			name, _, _ := strings.Cut(what, ":")
			absent[name] = what
		}
	}
	for _, r := range p.reads {
		if smoke && r.large {
			continue
		}
		seen, err1 := r.seen(tables)
		if no := new(figures.NoCellError); errors.As(err1, &no) {
			for who, why := range absent {
				if who == p.name || who == peerOf(r.beside) || strings.Contains(no.Cell.Row, who) {
					seen, err1 = "not run: "+why, nil
				}
			}
		}
		if err1 != nil {
			seen = "not run: " + err1.Error()
			err = errors.Join(err, err1)
		}
		rows = append(rows, []string{p.name, r.what, r.beside, r.limit(), seen})
	}
	return rows, err
}

// peerOf is the name of a peer, by which a part says that it is not here.
func peerOf(beside string) string {
	name, _, _ := strings.Cut(beside, " ")
	return strings.TrimSuffix(strings.TrimRight(name, ",:"), "'s")
}

// seen gives the figure in words, in bold where it is not what was asked.
func (r reading) seen(tables []figures.Table) (string, error) {
	x, err := r.ours.Number(tables)
	if err != nil {
		return "", err
	}
	if r.theirs == (figures.Cell{}) {
		text := strings.TrimSpace(figures.Digits(x) + " " + r.unit)
		if r.asked != 0 && (x > r.asked) != r.more && x != r.asked {
			return "**" + text + "**", nil
		}
		return text, nil
	}
	y, err := r.theirs.Number(tables)
	if err != nil {
		return "", err
	}
	ratio := y / x
	if r.more {
		ratio = x / y
	}
	text := figures.Digits(ratio) + "x"
	if r.asked != 0 && ratio < r.asked {
		return "**" + text + "**", nil
	}
	return text, nil
}

// limit is what was asked, in words.
func (r reading) limit() string {
	number := strconv.FormatFloat(r.asked, 'f', -1, 64)
	switch {
	case r.asked == 0:
		return ""
	case r.theirs != (figures.Cell{}):
		return "≥ " + number + "x"
	case r.more:
		return strings.TrimSpace("≥ " + number + " " + r.unit)
	}
	return strings.TrimSpace("≤ " + number + " " + r.unit)
}

// merge writes the table and, below it, a line for each part: the command, when
// and on what it ran. Of parts that did not run it keeps what was there before.
func merge(parts []part, before string, done []outcome) string {
	t := figures.Table{Head: head}
	var notes []string
	for _, p := range parts {
		if i := slices.IndexFunc(done, func(o outcome) bool { return o.part.name == p.name }); i >= 0 {
			t.Rows = append(t.Rows, done[i].rows...)
			notes = append(notes, done[i].line())
			continue
		}
		for _, old := range figures.Tables(before) {
			for _, r := range old.Rows {
				if slices.Equal(old.Head, head) && r[0] == p.name {
					t.Rows = append(t.Rows, r)
				}
			}
		}
		note := "- " + p.name + ": not run\n"
		for l := range strings.Lines(before) {
			if strings.HasPrefix(l, "- "+p.name+": ") {
				note = l
			}
		}
		notes = append(notes, note)
	}
	return t.String() + "\n" + strings.Join(notes, "")
}

func (o outcome) line() string {
	if o.err != nil {
		return fmt.Sprintf("- %s: `%s` failed\n", o.part.name, line(o.part.full))
	}
	var beside []string
	for _, p := range o.part.peers {
		if v := p.version(); v != "" {
			beside = append(beside, v)
		}
	}
	text := fmt.Sprintf("- %s: `%s`; %s; %s", o.part.name, line(o.part.full), o.note, o.machine)
	if len(beside) > 0 {
		text += "; beside " + strings.Join(beside, ", ")
	}
	return text + "\n"
}
