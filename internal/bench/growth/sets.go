package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A set is one kind of data at several sizes, what is run on it, and the plot of
// that.
type set struct {
	name     string // of the files with points and plot
	title    string
	unit     string // of what is counted
	format   string // of mmgen
	frames   []int  // the sizes
	count    func(dir string) (n int, err error)
	commands []command
}

// A command is what is measured. Its words begin with the name of a program of
// this project; the folder comes last.
type command struct {
	words []string
	limit float64 // of memory, MB, that was asked for; 0: none
}

var sets = []set{
	{
		name:  "tables",
		title: "Tables of nuScenes v1.0-trainval, from 1/100 of its rows to all", unit: "rows",
		format: "nuscenes-tables", frames: []int{341, 1138, 3415, 11383, 34149}, count: countRows,
		commands: []command{{words: []string{"mmvalidate", "--quiet", "--select", "SCH,LNK,TMP"}, limit: 800}},
	},
	{
		name:  "files",
		title: "Files of KITTI object data sets, from a thousand to a million", unit: "files",
		format: "kitti-object", frames: []int{165, 1665, 16665, 166665}, count: countFiles,
		commands: []command{
			{words: []string{"auditlog", "fingerprint", "--quiet"}, limit: 256},
			{words: []string{"mmvalidate", "--quiet", "--ignore", "UMM"}},
		},
	},
}

// countRows counts the records of tables: each has one member "token". It reads
// every table, so that what is measured afterwards finds them in memory.
func countRows(dir string) (n int, err error) {
	tables, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return 0, err
	}
	for _, name := range tables {
		more, err := occurrences(name, []byte(`"token":`))
		if err != nil {
			return 0, err
		}
		n += more
	}
	return n, nil
}

// occurrences counts how often a word stands in a file, without overlaps.
func occurrences(name string, word []byte) (n int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	kept := 0 // of what was read before: the beginning of a word, perhaps
	for {
		read, err := f.Read(buf[kept:])
		all := buf[:kept+read]
		n += bytes.Count(all, word)
		kept = copy(buf, all[max(0, len(all)-len(word)+1):])
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// countFiles counts regular files, and reads them, for the same reason.
func countFiles(dir string) (n int, err error) {
	buf := make([]byte, 1<<16)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		n++
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		for err == nil {
			_, err = f.Read(buf)
		}
		if err == io.EOF {
			return nil
		}
		return err
	})
	return n, err
}
