package kitti

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A CalibKind is one of the calibration files of the family. They share one
// syntax, a key and its values on a line, and differ in keys.
type CalibKind uint8

const (
	CalibObject    CalibKind = iota + 1 // object: calib/000123.txt
	CalibTracking                       // tracking: calib/0001.txt; three keys without a colon
	CalibOdometry                       // odometry: sequences/00/calib.txt
	CalibCamToCam                       // raw: calib_cam_to_cam.txt
	CalibVeloToCam                      // raw: calib_velo_to_cam.txt
	CalibIMUToVelo                      // raw: calib_imu_to_velo.txt
)

// A CalibKey is a documented key of one kind of file.
type CalibKey struct {
	Name     string
	Values   int    // numbers on the line; 0 for text
	Rotation bool   // the 3x3 matrix, or the left part of the 3x4 matrix, is a rotation
	Alias    string // name of the same matrix in another data set of the family
	Lenient  bool   // files of converters often lack it
}

// Keys lists the keys that a file of kind k must have, in the documented
// order. The list is shared: do not change it.
func (k CalibKind) Keys() []CalibKey { return calibKeys[k] }

var calibKeys = map[CalibKind][]CalibKey{
	CalibObject: append(projections("P0", "P1", "P2", "P3"),
		CalibKey{Name: "R0_rect", Values: 9, Rotation: true, Alias: "R_rect"},
		CalibKey{Name: "Tr_velo_to_cam", Values: 12, Rotation: true, Alias: "Tr_velo_cam"},
		CalibKey{Name: "Tr_imu_to_velo", Values: 12, Rotation: true, Alias: "Tr_imu_velo", Lenient: true}),
	CalibTracking: append(projections("P0", "P1", "P2", "P3"),
		CalibKey{Name: "R_rect", Values: 9, Rotation: true, Alias: "R0_rect"},
		CalibKey{Name: "Tr_velo_cam", Values: 12, Rotation: true, Alias: "Tr_velo_to_cam"},
		CalibKey{Name: "Tr_imu_velo", Values: 12, Rotation: true, Alias: "Tr_imu_to_velo", Lenient: true}),
	CalibOdometry: append(projections("P0", "P1", "P2", "P3"), CalibKey{Name: "Tr", Values: 12, Rotation: true}),
	CalibCamToCam: camToCamKeys(),
	CalibVeloToCam: {
		{Name: "calib_time"},
		{Name: "R", Values: 9, Rotation: true},
		{Name: "T", Values: 3},
		{Name: "delta_f", Values: 2, Lenient: true},
		{Name: "delta_c", Values: 2, Lenient: true}, // deprecated by the owner
	},
	CalibIMUToVelo: {{Name: "calib_time"}, {Name: "R", Values: 9, Rotation: true}, {Name: "T", Values: 3}},
}

func projections(names ...string) (keys []CalibKey) {
	for _, n := range names {
		keys = append(keys, CalibKey{Name: n, Values: 12})
	}
	return keys
}

func camToCamKeys() []CalibKey {
	keys := []CalibKey{{Name: "calib_time"}, {Name: "corner_dist", Values: 1}}
	for _, i := range []string{"00", "01", "02", "03"} {
		keys = append(keys,
			CalibKey{Name: "S_" + i, Values: 2}, CalibKey{Name: "K_" + i, Values: 9}, CalibKey{Name: "D_" + i, Values: 5},
			CalibKey{Name: "R_" + i, Values: 9, Rotation: true}, CalibKey{Name: "T_" + i, Values: 3},
			CalibKey{Name: "S_rect_" + i, Values: 2}, CalibKey{Name: "R_rect_" + i, Values: 9, Rotation: true},
			CalibKey{Name: "P_rect_" + i, Values: 12})
	}
	return keys
}

// A Calib is one calibration file as it was written: nothing is dropped, so
// that rules can speak about keys that repeat, lack values or are unknown.
type Calib struct {
	Path    string
	Kind    CalibKind
	Name    string // what it calibrates: frame ("000123"), sequence ("0001", "00") or date ("2011_09_26")
	Entries []CalibEntry

	first map[string]int // by key, under its documented name if it has one: position in Entries
}

// A CalibEntry is one line with a key.
type CalibEntry struct {
	Key    string
	Line   int
	Text   string    // everything behind the key, trimmed
	Values []float64 // the numbers, up to the first word that is none
	Bad    string    // that word; "" if every word is a finite number
	Column int       // of Bad, 1-based, in bytes
}

// ParseCalib reads a calibration file. Keys end at a colon, or at the first
// blank as in the tracking data set. Blank lines are legal.
func ParseCalib(path string, kind CalibKind, name string, b []byte) *Calib {
	c := &Calib{Path: path, Kind: kind, Name: name, first: map[string]int{}}
	for n, line := range lines(b) {
		rest := bytes.TrimLeft(line, " \t")
		if len(bytes.TrimSpace(rest)) == 0 {
			continue
		}
		end := bytes.IndexAny(rest, ": \t")
		if end < 0 {
			end = len(rest)
		}
		e := CalibEntry{Key: string(rest[:end]), Line: n}
		rest = rest[end:]
		if blank := bytes.TrimLeft(rest, " \t"); bytes.HasPrefix(blank, []byte(":")) {
			rest = blank[1:]
		}
		e.Text = string(bytes.TrimSpace(rest))
		e.parse(rest, len(line)-len(rest))
		key := c.documented(e.Key)
		if _, twice := c.first[key]; !twice {
			c.first[key] = len(c.Entries)
		}
		c.Entries = append(c.Entries, e)
	}
	return c
}

// parse takes the numbers of rest, which begins at byte offset of its line.
func (e *CalibEntry) parse(rest []byte, offset int) {
	for column, word := range words(rest) {
		v, ok := parseFloat(word)
		if !ok {
			e.Bad, e.Column = string(word), offset+column
			return
		}
		e.Values = append(e.Values, v)
	}
}

// Known gives the documented key that name stands for, under its own name or
// as an alias.
func (c *Calib) Known(name string) (k CalibKey, ok bool) {
	for _, k := range c.Kind.Keys() {
		if k.Name == name || k.Alias != "" && k.Alias == name {
			return k, true
		}
	}
	return CalibKey{}, false
}

// documented gives the name that the format has for a key.
func (c *Calib) documented(name string) string {
	if k, ok := c.Known(name); ok {
		return k.Name
	}
	return name
}

// Entry finds the first line of a key, under its documented name or its alias;
// nil if there is none.
func (c *Calib) Entry(name string) *CalibEntry {
	if i, ok := c.first[c.documented(name)]; ok {
		return &c.Entries[i]
	}
	return nil
}

// Matrix gives the values of a documented key. It is nil unless the key is
// there with exactly the documented number of finite values.
func (c *Calib) Matrix(name string) []float64 {
	k, ok := c.Known(name)
	e := c.Entry(name)
	if !ok || e == nil || e.Bad != "" || len(e.Values) != k.Values {
		return nil
	}
	return e.Values
}

// ProjectionKey names the projection matrix of the rectified camera i (0 to 3)
// in files that have one: "P2", "P_rect_02".
func (c *Calib) ProjectionKey(i int) string {
	switch c.Kind {
	case CalibCamToCam:
		return "P_rect_0" + strconv.Itoa(i)
	case CalibObject, CalibTracking, CalibOdometry:
		return "P" + strconv.Itoa(i)
	}
	return ""
}

// Projection gives the 3x4 projection matrix of camera i, row by row, or nil.
func (c *Calib) Projection(i int) []float64 { return c.Matrix(c.ProjectionKey(i)) }

// Transform gives the 3x4 matrix [R|T] of files that write R and T on lines of
// their own (calib_velo_to_cam.txt, calib_imu_to_velo.txt), or nil.
func (c *Calib) Transform() []float64 {
	r, t := c.Matrix("R"), c.Matrix("T")
	if r == nil || t == nil {
		return nil
	}
	return []float64{r[0], r[1], r[2], t[0], r[3], r[4], r[5], t[1], r[6], r[7], r[8], t[2]}
}

// RotationPart gives the 3x3 part of a matrix of 9 or 12 values.
func RotationPart(m []float64) (r [9]float64) {
	columns := len(m) / 3
	for i := range 3 {
		copy(r[3*i:3*i+3], m[columns*i:])
	}
	return r
}

// parseFloat reads a finite decimal number. Hexadecimal digits, underscores,
// "inf" and "nan", which strconv takes, are refused.
func parseFloat(word []byte) (float64, bool) {
	if len(word) == 0 || len(word) > 64 || strings.Trim(string(word), "0123456789+-.eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(word), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// MendCalibOrder writes the lines of an object calibration file in the
// documented order of their keys; lines with other keys, and blank ones, come
// last as they are. A file whose keys are in order, or repeat, is left alone.
func MendCalibOrder(path string, b []byte) []byte {
	c := ParseCalib(path, CalibObject, "", b)
	var order []int // line numbers in the order of the keys
	for _, k := range c.Kind.Keys() {
		if e := c.Entry(k.Name); e != nil {
			order = append(order, e.Line)
		}
	}
	for i := range c.Entries {
		if e := &c.Entries[i]; c.Entry(e.Key) != e {
			return b
		}
	}
	if slices.IsSorted(order) {
		return b
	}
	all := slices.Collect(bytes.Lines(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	var out []byte
	for _, line := range order {
		out = append(out, bytes.TrimRight(all[line-1], "\n")...)
		out = append(out, '\n')
	}
	for i, line := range all {
		if !slices.Contains(order, i+1) {
			out = append(out, line...)
		}
	}
	return out
}
