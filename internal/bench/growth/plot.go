package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The plot: time above, memory below, both with logarithmic axes of the same
// scale, so that what is linear rises like the grey lines.
const (
	width     = 760.0
	left      = 70.0
	right     = width - 20
	timeTop   = 92.0
	decade    = 62.0 // px, on every vertical axis
	gap       = 66.0 // between the panels
	textBelow = 82.0
)

// style has colours that people with any colour vision tell apart, on white and
// on black.
const style = `text{font:13px system-ui,sans-serif;fill:#222}.t{font-size:16px;font-weight:600}.s{fill:#666;font-size:12px}` +
	`.bg{fill:#fff}.g{stroke:#e4e4e4}.a{stroke:#888;fill:none}.l{stroke:#999;stroke-dasharray:1 4;stroke-linecap:round}` +
	`.c0{stroke:#0072b2;fill:#0072b2}.c1{stroke:#d55e00;fill:#d55e00}path{fill:none!important;stroke-width:2}` +
	`.p{stroke-dasharray:6 4}.lim{stroke-dasharray:2 3;stroke-width:1.5}` +
	`@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#aaa}.bg{fill:#0d1117}.g{stroke:#2a2f36}` +
	`.c0{stroke:#56b4e9;fill:#56b4e9}.c1{stroke:#e69f00;fill:#e69f00}}`

// An axis maps numbers to pixels, a decade to so many.
type axis struct {
	low, high int // powers of ten
	at        float64
	step      float64 // px for each decade, negative upwards
}

// span is an axis of whole decades around some numbers.
func span(xs []float64) (low, high int) {
	low = int(math.Floor(math.Log10(slices.Min(xs))))
	high = int(math.Ceil(math.Log10(slices.Max(xs))))
	return low, max(high, low+1)
}

func (a axis) px(x float64) float64 { return a.at + (math.Log10(x)-float64(a.low))*a.step }

// drawing gathers SVG.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *drawing) text(x, y float64, class, anchor, words string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(words))
}

// draw draws the points of a set. The same points give the same bytes.
func (s set) draw(machine string, points []point) string {
	var ns, times, peaks []float64
	for _, p := range points {
		ns = append(ns, float64(p.n))
		times = append(times, p.wall, p.processor)
		peaks = append(peaks, p.peak)
	}
	for _, c := range s.commands {
		if c.limit > 0 {
			peaks = append(peaks, c.limit)
		}
	}
	x := axis{at: left}
	x.low, x.high = span(ns)
	x.step = (right - left) / float64(x.high-x.low)
	y := axis{step: -decade}
	y.low, y.high = span(times)
	y.at = timeTop + decade*float64(y.high-y.low)
	m := axis{step: -decade}
	m.low, m.high = span(peaks)
	m.at = y.at + gap + decade*float64(m.high-m.low)
	height := m.at + textBelow

	var d drawing
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`, width, height, width, height)
	d.add(`<title>%s</title>`, html.EscapeString(s.title))
	d.add(`<style>%s</style>`, style)
	d.add(`<rect class="bg" width="%.0f" height="%.0f"/>`, width, height)
	d.text(16, 26, "t", "start", s.title)
	for i, c := range commandsOf(points) {
		at := 16 + float64(i)*370
		d.add(`<path class="c%d" d="M%.1f 46h30"/>`, i%2, at)
		d.text(at+38, 50, "", "start", c)
	}
	d.text(16, 72, "s", "start", "line: time that passes; dashes: processor time, of all cores; dots: what is linear, through the largest size")
	d.panel(x, y, "s")
	d.panel(x, m, "MB")
	d.text(left, y.at+gap-14, "s", "start", "memory, resident, at most; level dashes: what was asked")
	d.text((left+right)/2, m.at+34, "", "middle", s.unit)
	for i, words := range strings.SplitN(machine, "; ", 2) {
		d.text(16, height-26+16*float64(i), "s", "start", words)
	}

	for i, c := range commandsOf(points) {
		all := of(points, c)
		last := all[len(all)-1]
		d.linear(x, y, last)
		d.curve(i, "", all, x, y, func(p point) float64 { return p.wall })
		d.curve(i, " p", all, x, y, func(p point) float64 { return p.processor })
		d.curve(i, "", all, x, m, func(p point) float64 { return p.peak })
		if k := slices.IndexFunc(s.commands, func(known command) bool { return strings.Join(known.words, " ") == c }); k >= 0 && s.commands[k].limit > 0 {
			limit := s.commands[k].limit
			d.add(`<path class="c%d lim" d="M%.1f %.1fH%.1f"/>`, i%2, left, m.px(limit), right)
			d.text(left+6, m.px(limit)+13, "s", "start", strconv.FormatFloat(limit, 'f', -1, 64)+" MB")
		}
	}
	d.add(`</svg>`)
	return d.String()
}

// panel draws the grid and its numbers.
func (d *drawing) panel(x, y axis, unit string) {
	top := y.px(math.Pow10(y.high))
	for e := x.low; e <= x.high; e++ {
		at := x.px(math.Pow10(e))
		d.add(`<line class="g" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, at, top, at, y.at)
		anchor := "middle"
		if e == x.high {
			anchor = "end"
		}
		d.text(at, y.at+16, "s", anchor, power(e))
	}
	for e := y.low; e <= y.high; e++ {
		at := y.px(math.Pow10(e))
		d.add(`<line class="g" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, at, right, at)
		d.text(left-8, at+4, "s", "end", power(e)+" "+unit)
	}
	d.add(`<rect class="a" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, left, top, right-left, y.at-top)
}

// power writes a power of ten as people do.
func power(e int) string {
	switch {
	case e >= 6:
		return strconv.FormatFloat(math.Pow10(e-6), 'f', -1, 64) + " M"
	case e >= 3:
		return strconv.FormatFloat(math.Pow10(e-3), 'f', -1, 64) + ",000"
	}
	return strconv.FormatFloat(math.Pow10(e), 'f', max(0, -e), 64)
}

// linear draws what would be linear, through a point, as far as the panel goes.
func (d *drawing) linear(x, y axis, p point) {
	perUnit := p.wall / float64(p.n)
	from := max(math.Pow10(x.low), math.Pow10(y.low)/perUnit)
	to := min(math.Pow10(x.high), math.Pow10(y.high)/perUnit)
	d.add(`<line class="l" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x.px(from), y.px(from*perUnit), x.px(to), y.px(to*perUnit))
}

// curve draws what points cost.
func (d *drawing) curve(colour int, more string, points []point, x, y axis, cost func(point) float64) {
	var path strings.Builder
	for i, p := range points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x.px(float64(p.n)), y.px(cost(p)))
	}
	d.add(`<path class="c%d%s" d="%s"/>`, colour%2, more, path.String())
	for _, p := range points {
		d.add(`<circle class="c%d" cx="%.1f" cy="%.1f" r="3"/>`, colour%2, x.px(float64(p.n)), y.px(cost(p)))
	}
}
