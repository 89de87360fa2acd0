package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

const (
	plotWidth, plotHeight = 320, 96
	plotBase              = 80 // y of the axis; the labels stand below
	plotBins              = 48
)

// A plot is a histogram of one channel's offsets.
type plot struct {
	Channel, Caption, Label string
	Bars                    []bar
	Base                    int
	Zero                    float64 // x of offset 0
	HasZero                 bool    // it lies within the plot
	Min, Max                string
}

type bar struct{ X, Y, W, H float64 }

// histogram draws offsets in ns. The range is that of the data; a channel
// whose offsets are all equal gets one bar in the middle.
func histogram(channel string, ns []int64) plot {
	ns = slices.Sorted(slices.Values(ns))
	lo, hi, median := ns[0], ns[len(ns)-1], ns[len(ns)/2]
	scale, unit := unitOf(max(math.Abs(float64(lo)), math.Abs(float64(hi))))
	p := plot{
		Channel: channel, Base: plotBase,
		Caption: fmt.Sprintf("median %s, %s … %s", amount(median, scale, unit), amount(lo, scale, unit), amount(hi, scale, unit)),
		Min:     amount(lo, scale, unit), Max: amount(hi, scale, unit),
	}
	p.Label = fmt.Sprintf("histogram of %d offsets of %s: %s", len(ns), channel, p.Caption)
	if lo == hi {
		p.Caption, p.Min, p.Max = "always "+amount(lo, scale, unit), "", ""
		p.Label = fmt.Sprintf("%d offsets of %s: %s", len(ns), channel, p.Caption)
		p.Bars = []bar{{plotWidth/2 - 3, 8, 6, plotBase - 8}}
		return p
	}
	var bins [plotBins]int
	span := float64(hi) - float64(lo) // as float64: the difference may leave int64
	for _, n := range ns {
		i := int((float64(n) - float64(lo)) / span * plotBins)
		bins[min(i, plotBins-1)]++
	}
	most := slices.Max(bins[:])
	const width = float64(plotWidth) / plotBins
	for i, n := range bins {
		if n == 0 {
			continue
		}
		h := max(1.5, float64(n)/float64(most)*(plotBase-8))
		p.Bars = append(p.Bars, bar{round(float64(i)*width + 0.5), round(plotBase - h), round(width - 1), round(h)})
	}
	if lo <= 0 && hi >= 0 {
		p.HasZero = true
		p.Zero = round(-float64(lo) / span * plotWidth)
	}
	return p
}

// unitOf picks the unit in which the largest offset is easily read.
func unitOf(largest float64) (scale float64, unit string) {
	switch {
	case largest >= 1e9:
		return 1e9, "s"
	case largest >= 1e6:
		return 1e6, "ms"
	case largest >= 1e3:
		return 1e3, "µs"
	}
	return 1, "ns"
}

func amount(ns int64, scale float64, unit string) string {
	return strconv.FormatFloat(math.Round(float64(ns)/scale*1000)/1000, 'f', -1, 64) + " " + unit
}

func round(f float64) float64 { return math.Round(f*100) / 100 }
