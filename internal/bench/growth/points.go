package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

// A point is what one run cost: the median of its turns.
type point struct {
	command   string
	n         int     // rows or files
	wall      float64 // s
	processor float64 // s, user and system, of all cores
	peak      float64 // MB of memory, resident, at most
}

var columns = []string{"command", "n", "wall_s", "processor_s", "peak_mb"}

// writePoints writes points as CSV, below a line that says what they were taken
// on.
func writePoints(w io.Writer, machine string, points []point) error {
	if strings.ContainsAny(machine, "\r\n") {
		return fmt.Errorf("a machine of two lines: %q", machine)
	}
	if _, err := fmt.Fprintf(w, "# %s\n", machine); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.Write(columns)
	for _, p := range points {
		c.Write([]string{p.command, strconv.Itoa(p.n), fmt.Sprintf("%.3f", p.wall), fmt.Sprintf("%.3f", p.processor), fmt.Sprintf("%.1f", p.peak)})
	}
	c.Flush()
	return c.Error()
}

// readPoints reads what writePoints wrote. A cost must be above 0, for it is
// drawn on a logarithmic axis.
func readPoints(text string) (machine string, points []point, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	machine, ok := strings.CutPrefix(first, "# ")
	if !ok {
		return "", nil, errors.New("the first line does not name the machine")
	}
	rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
	if err != nil {
		return "", nil, err
	}
	if len(rows) < 2 || !slices.Equal(rows[0], columns) {
		return "", nil, fmt.Errorf("want the columns %s, and rows", strings.Join(columns, ","))
	}
	for i, r := range rows[1:] {
		p := point{command: r[0]}
		for j, to := range []*float64{nil, &p.wall, &p.processor, &p.peak} {
			x, err := strconv.ParseFloat(r[j+1], 64)
			if err != nil || !(x > 0 && x <= 1e15) || j == 0 && x != math.Trunc(x) {
				return "", nil, fmt.Errorf("row %d: %s is %q", i+1, columns[j+1], r[j+1])
			}
			if to == nil {
				p.n = int(x)
			} else {
				*to = x
			}
		}
		points = append(points, p)
	}
	return machine, points, nil
}

func readPointsOf(file string) (string, []point, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", nil, err
	}
	machine, points, err := readPoints(string(data))
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", file, err)
	}
	return machine, points, nil
}

// of gives the points of one command, and commands all that there are, in order.
func of(points []point, command string) []point {
	return slices.DeleteFunc(slices.Clone(points), func(p point) bool { return p.command != command })
}

func commandsOf(points []point) (all []string) {
	for _, p := range points {
		if !slices.Contains(all, p.command) {
			all = append(all, p.command)
		}
	}
	return all
}

// exponent is the e of cost ~ n^e between two points: 1 is linear.
func exponent(n1, n2 int, cost1, cost2 float64) float64 {
	return math.Log(cost2/cost1) / math.Log(float64(n2)/float64(n1))
}

// table shows what each size cost, and how cost grew from the size before.
func (s set) table(points []point) string {
	var b strings.Builder
	for _, c := range commandsOf(points) {
		t := figures.Table{Head: []string{s.unit, "wall, s", "processor, s", "µs a " + strings.TrimSuffix(s.unit, "s"), "grows as", "peak memory, MB", "grows as"}}
		var before *point
		for _, p := range of(points, c) {
			row := []string{
				strconv.Itoa(p.n), figures.Digits(p.wall), figures.Digits(p.processor), figures.Digits(p.processor / float64(p.n) * 1e6), "", figures.Digits(p.peak), "",
			}
			if before != nil {
				row[4] = fmt.Sprintf("n^%.2f", exponent(before.n, p.n, before.processor, p.processor))
				row[6] = fmt.Sprintf("n^%.2f", exponent(before.n, p.n, before.peak, p.peak))
			}
			t.Rows = append(t.Rows, row)
			before = &p
		}
		fmt.Fprintf(&b, "`%s`:\n\n%s\n", c, t)
	}
	return b.String()
}
