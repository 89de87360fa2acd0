package figures

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Table is a table of Markdown.
type Table struct {
	Title string // the last line of text before it
	Head  []string
	Rows  [][]string // each as long as Head
}

// Tables gives the tables in a text, in order. What is no table is passed over;
// rows with too few or too many cells are cut to the head.
func Tables(text string) (all []Table) {
	var t *Table // that is being read
	title, last := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		cells := cells(line)
		switch {
		case cells == nil:
			t = nil
			if line != "" {
				title = line
			}
		case t != nil:
			r := make([]string, len(t.Head))
			copy(r, cells)
			t.Rows = append(t.Rows, r)
		case rule(line) && last != "":
			all = append(all, Table{Title: title, Head: split(last)})
			t = &all[len(all)-1]
		}
		last = ""
		if cells != nil {
			last = line
		}
	}
	return all
}

// cells gives what stands between the bars of a row; nil if the line is none.
func cells(line string) []string {
	if len(line) < 3 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	return split(line)
}

// split cuts a row at its bars. One after a backslash is part of its cell.
func split(line string) (all []string) {
	line = line[1 : len(line)-1]
	begin := 0
	for i := range len(line) + 1 {
		if i == len(line) || line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			all = append(all, strings.TrimSpace(line[begin:i]))
			begin = i + 1
		}
	}
	return all
}

// rule reports whether a line is what stands below the head.
func rule(line string) bool { return strings.Contains(line, "-") && strings.Trim(line, "|-: ") == "" }

// String writes the table, without its title.
func (t Table) String() string {
	var b strings.Builder
	b.WriteString(row(t.Head) + "\n" + strings.Repeat("|---", len(t.Head)) + "|\n")
	for _, r := range t.Rows {
		b.WriteString(row(r) + "\n")
	}
	return b.String()
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// A Cell names a number in the tables that a benchmark prints.
type Cell struct {
	Table  string // in the title or the head
	Row    string // in the row, as it is written: "| 64 | gateway |"; … stands for anything
	Column string // the beginning of a cell of the head
}

// A NoCellError says that no table, or no row of it, has what was asked for.
type NoCellError struct {
	Cell Cell
	Lack string
}

func (e *NoCellError) Error() string {
	return fmt.Sprintf("no %s: table %q, row %q, column %q", e.Lack, e.Cell.Table, e.Cell.Row, e.Cell.Column)
}

// Number finds a cell and reads the number that it begins with: 22521 in
// "22,521 (19,615 to 28,225)", 0.62 in "**0.62x**". Words before it may say that
// it is about so much. That the row is not there is a [NoCellError]; two rows that
// fit are an error too, so that no figure is taken for another.
func (c Cell) Number(tables []Table) (float64, error) {
	found, lack := "", "table"
	n := 0
	for _, t := range tables {
		if !strings.Contains(t.Title+"\n"+row(t.Head), c.Table) {
			continue
		}
		column := slices.IndexFunc(t.Head, func(h string) bool { return strings.HasPrefix(h, c.Column) })
		if column < 0 {
			continue
		}
		lack = "row"
		for _, r := range t.Rows {
			if c.fits(row(r)) {
				found = r[column]
				n++
			}
		}
	}
	switch {
	case n == 0:
		return 0, &NoCellError{c, lack}
	case n > 1:
		return 0, fmt.Errorf("%d rows fit: table %q, row %q, column %q", n, c.Table, c.Row, c.Column)
	}
	x, ok := leading(found)
	if !ok {
		return 0, fmt.Errorf("no number in %q: table %q, row %q, column %q", found, c.Table, c.Row, c.Column)
	}
	return x, nil
}

func (c Cell) fits(row string) bool {
	for part := range strings.SplitSeq(c.Row, "…") {
		_, rest, ok := strings.Cut(row, part)
		if !ok {
			return false
		}
		row = rest
	}
	return true
}

// leading reads the first number of a text.
func leading(text string) (float64, bool) {
	begin := strings.IndexAny(text, "0123456789")
	if begin < 0 {
		return 0, false
	}
	end := begin
	for end < len(text) && strings.IndexByte("0123456789.,", text[end]) >= 0 {
		end++
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimRight(text[begin:end], ".,"), ",", ""), 64)
	return x, err == nil
}
