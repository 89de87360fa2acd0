package figures

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// printed is what programs that measure print.
const printed = `AMD EPYC, 2 cores, ext4

| one-shot append | ms, median of 15 (least to most) | first is better by |
|---|---|---|
| ledger | 10.5 (8.6 to 13.9) |  |
| sqlite3 | 3.9 (3.1 to 4.7) | **0.37x** |

Blocks of up to 500 transactions, cut after 50ms:

| writers | client | records a second |
|:---|---:|---|
| 1 | bare loop | 14.2 |
| 64 | bare loop | 1,199 |
| 64 | a \| b | about 228 a second | and one cell too many |
| 164 | short |

Blocks of up to 500 transactions, cut after 200ms:
| writers | client | records a second |
|---|---|---|
| 1 | bare loop | none |

| no rule follows |
and so this is no table
`

func TestTables(t *testing.T) {
	all := Tables(printed)
	if len(all) != 3 {
		t.Fatalf("%d tables", len(all))
	}
	want := Table{
		Title: "Blocks of up to 500 transactions, cut after 50ms:",
		Head:  []string{"writers", "client", "records a second"},
		Rows: [][]string{
			{"1", "bare loop", "14.2"},
			{"64", "bare loop", "1,199"},
			{"64", `a \| b`, "about 228 a second"},
			{"164", "short", ""},
		},
	}
	if !reflect.DeepEqual(all[1], want) {
		t.Errorf("got %q\nwant %q", all[1], want)
	}
	if all[0].Title != "AMD EPYC, 2 cores, ext4" {
		t.Errorf("title %q", all[0].Title)
	}
}

func TestNumber(t *testing.T) {
	all := Tables(printed)
	for _, c := range []struct {
		cell Cell
		want float64
		err  string // empty: none
	}{
		{Cell{"one-shot", "| ledger |", "ms"}, 10.5, ""},
		{Cell{"one-shot", "sqlite3", "first"}, 0.37, ""},
		{Cell{"cut after 50ms", "| 64 | bare", "records"}, 1199, ""},
		{Cell{"cut after 50ms", `| a \| b`, "records"}, 228, ""},
		{Cell{"cut after 50ms", "bare loop", "records"}, 0, "2 rows fit"},
		{Cell{"cut after 50ms", "| 64 |…bare…1,", "records"}, 1199, ""},
		{Cell{"cut after 50ms", "bare…64", "records"}, 0, "no row"},
		{Cell{"cut after 200ms", "bare loop", "records"}, 0, `no number in "none"`},
		{Cell{"cut after", "| 1 | bare loop", "records"}, 0, "2 rows fit"},
		{Cell{"cut after 50ms", "tessera", "records"}, 0, "no row"},
		{Cell{"cut after 2s", "bare loop", "records"}, 0, "no table"},
		{Cell{"one-shot", "ledger", "MB"}, 0, "no table"},
	} {
		got, err := c.cell.Number(all)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v, %v", c.cell, got, err)
		}
		if absent := new(NoCellError); errors.As(err, &absent) != (c.err == "no row" || c.err == "no table") {
			t.Errorf("%q: %T", c.cell, err)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, xs := range map[float64][]float64{3: {3}, 2.5: {4, 1, 2, 3}, 2: {9, 1, 2}} {
		if got := Median(xs); got != want {
			t.Errorf("%v: %v", xs, got)
		}
	}
}

// What is written is read as the same tables.
func FuzzTables(f *testing.F) {
	f.Add(printed)
	f.Add("||\n|-|\n|\\||\n")
	f.Add("| a |\n|---|\n\n|---|\n|---|\n")
	f.Fuzz(func(t *testing.T, text string) {
		all := Tables(text)
		var b strings.Builder
		for _, table := range all {
			for _, r := range table.Rows {
				if len(r) != len(table.Head) {
					t.Fatalf("a row of %d cells below a head of %d", len(r), len(table.Head))
				}
			}
			b.WriteString(table.Title + "\n\n" + table.String() + "\n")
			for _, r := range table.Rows {
				Cell{Row: r[0]}.Number(all)
			}
		}
		if again := Tables(b.String()); !reflect.DeepEqual(again, all) {
			t.Errorf("%q became %q", all, again)
		}
	})
}
