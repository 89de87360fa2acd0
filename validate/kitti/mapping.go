package kitti

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A Mapping is the table of the object devkit that says from which raw frame
// each training frame was taken: train_rand.txt is a permutation, and object
// id i (from 0) is line rand[i] (from 1) of train_mapping.txt. To read line i
// itself is a frequent mistake. The testing frames have no mapping.
type Mapping struct {
	Dir      string // folder, relative to the data set's root where it lies near it
	Rand     []int  // line numbers from 1
	Lines    []RawFrame
	Problems []MappingProblem // why it cannot be trusted; Raw finds nothing then
}

// A RawFrame is one frame of one raw drive.
type RawFrame struct {
	Date   string // "2011_09_26"
	Number string // "0005"
	Frame  int    // 109
}

// Drive names the drive: "2011_09_26_drive_0005".
func (r RawFrame) Drive() string { return r.Date + "_drive_" + r.Number }

// Sample names the frame as the moments of KITTI raw do:
// "2011_09_26_drive_0005/0000000109".
func (r RawFrame) Sample() string { return fmt.Sprintf("%s/%010d", r.Drive(), r.Frame) }

// A MappingProblem is a fault of a mapping's files.
type MappingProblem struct {
	Path    string
	Line    int
	Message string
}

// Raw gives the raw frame of object id i (0 for "000000"). ok is false beyond
// the table, and where the mapping has problems: rather none than a wrong one.
func (m *Mapping) Raw(i int) (r RawFrame, ok bool) {
	if m == nil || len(m.Problems) > 0 || i < 0 || i >= len(m.Rand) {
		return r, false
	}
	return m.Lines[m.Rand[i]-1], true
}

// Files of a mapping.
const (
	randFile    = "train_rand.txt"
	mappingFile = "train_mapping.txt"
)

// maxMapping bounds the bytes of either file; the owner's have 0.4 MB.
const maxMapping = 64 << 20

// FindMapping reads the mapping that belongs to an object data set: from
// folder if that is not empty, else from mapping/, devkit_object/mapping/ or
// devkit/mapping/ in the root or up to two levels above it. It gives nil where
// there is none.
func FindMapping(ds *dataset.Dataset, folder string) (*Mapping, error) {
	if folder != "" {
		m, err := readMapping(folder, folder)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("no KITTI mapping (%s, %s) in %s", randFile, mappingFile, folder)
		}
		return m, err
	}
	for _, up := range []string{"", "..", "../.."} {
		for _, dir := range []string{"mapping", "devkit_object/mapping", "devkit/mapping"} {
			name := path.Join(up, dir)
			m, err := readMapping(filepath.Join(ds.Root, filepath.FromSlash(name)), name)
			if err == nil {
				return m, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return nil, nil
}

// readMapping reads the mapping in dir, which messages call name. The error
// wraps fs.ErrNotExist where dir holds neither file.
func readMapping(dir, name string) (*Mapping, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	rand, errRand := readIn(root, randFile)
	lines, errLines := readIn(root, mappingFile)
	if errors.Is(errRand, fs.ErrNotExist) && errors.Is(errLines, fs.ErrNotExist) {
		return nil, errRand
	}
	m := &Mapping{Dir: name}
	for _, f := range []struct {
		name string
		err  error
	}{{randFile, errRand}, {mappingFile, errLines}} {
		if f.err != nil {
			m.problem(f.name, 0, "cannot be read: %v", f.err)
		}
	}
	if errRand == nil && errLines == nil {
		m.parse(rand, lines)
	}
	return m, nil
}

func readIn(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe there must not hold it up
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.Join(err, errors.New("is not a regular file"))}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxMapping+1))
	if err != nil {
		return nil, err
	}
	switch p := dataset.ParseLFSPointer(b[:min(len(b), dataset.MaxLFSPointer)]); {
	case len(b) > maxMapping:
		err = fmt.Errorf("is larger than %d bytes", maxMapping)
	case len(b) == 0:
		err = errors.New("is empty")
	case p != nil && len(b) < dataset.MaxLFSPointer:
		err = p
	default:
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

var rawDrive = lazyre.New(`^(\d{4}_\d\d_\d\d)_drive_(\d{4})(_sync|_extract)?$`)

// parse reads both files and checks that they fit each other.
func (m *Mapping) parse(rand, mapping []byte) {
	for n, line := range lines(mapping) {
		m.Lines = append(m.Lines, m.parseLine(n, line))
	}
	first := map[RawFrame]int{}
	for i, r := range m.Lines {
		if r.Date == "" {
			continue
		}
		if k, twice := first[r]; twice {
			m.problem(mappingFile, i+1, "frame %s is also on line %d", r.Sample(), k)
			continue
		}
		first[r] = i + 1
	}

	seen := make([]int, len(m.Lines)+1) // by line number: position in train_rand, from 1
	for n, line := range lines(rand) {
		for field := range bytes.SplitSeq(line, []byte{','}) {
			field = bytes.TrimSpace(field)
			if len(field) == 0 {
				continue
			}
			k, err := strconv.Atoi(string(field))
			m.Rand = append(m.Rand, k)
			switch at := len(m.Rand); {
			case err != nil:
				m.problem(randFile, n, "value %d is %q, not a line number", at, field)
			case k < 1 || k > len(m.Lines):
				m.problem(randFile, n, "value %d is %d, but %s has the lines 1 to %d", at, k, mappingFile, len(m.Lines))
			case seen[k] > 0:
				m.problem(randFile, n, "value %d is %d, as value %d: no permutation", at, k, seen[k])
			default:
				seen[k] = at
			}
		}
	}
	if len(m.Rand) != len(m.Lines) {
		m.problem(randFile, 0, "has %d values for the %d lines of %s", len(m.Rand), len(m.Lines), mappingFile)
	}
}

// parseLine reads "2011_09_26 2011_09_26_drive_0005_sync 0000000109".
func (m *Mapping) parseLine(n int, line []byte) (r RawFrame) {
	f := bytes.Fields(line)
	if len(f) != 3 {
		m.problem(mappingFile, n, "has %d words, not date, drive and frame", len(f))
		return r
	}
	drive := rawDrive().FindSubmatch(f[1])
	frame, ok := frameNumber(string(f[2]), 10)
	switch {
	case drive == nil:
		m.problem(mappingFile, n, "%q is not a drive", f[1])
	case string(drive[1]) != string(f[0]):
		m.problem(mappingFile, n, "drive %q is not of the date %q", f[1], f[0])
	case !ok:
		m.problem(mappingFile, n, "%q is not a frame of ten digits", f[2])
	default:
		r = RawFrame{Date: string(drive[1]), Number: string(drive[2]), Frame: frame}
	}
	return r
}

// maxProblems bounds what is kept of a hostile mapping.
const maxProblems = 100

func (m *Mapping) problem(file string, line int, format string, args ...any) {
	if len(m.Problems) < maxProblems {
		m.Problems = append(m.Problems, MappingProblem{path.Join(m.Dir, file), line, fmt.Sprintf(format, args...)})
	}
}
