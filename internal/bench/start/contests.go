package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// starts measures the time to the first output of commands that do little.
func (b *bench) starts() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.compete("start to first output", true,
		&contestant{name: "`auditlog version`", args: []string{b.program("auditlog"), "version"}},
		&contestant{name: "`auditlog --help`", args: []string{b.program("auditlog"), "--help"}},
		&contestant{name: "`auditlog explain incident`", args: []string{b.program("auditlog"), "explain", "incident"}},
		&contestant{name: "`mmvalidate --version`", args: []string{b.program("mmvalidate"), "--version"}},
		&contestant{name: "`mmvalidate --help`", args: []string{b.program("mmvalidate"), "--help"}},
		&contestant{name: "`mmvalidate explain SCH001`", args: []string{b.program("mmvalidate"), "explain", "SCH001"}},
		&contestant{name: "a Go program that does nothing", args: []string{self, "nothing"}},
		&contestant{name: "`git --version`", args: []string{"git", "--version"}},
		&contestant{name: "`jq --version`", args: []string{"jq", "--version"}},
		&contestant{name: "`node --version`", args: []string{"node", "--version"}},
		&contestant{name: "`python3 -c 'print()'`", args: []string{b.python(), "-c", "print()"}},
		&contestant{name: "`python3 -c 'import jsonschema; print()'`", args: []string{b.python(), "-c", "import jsonschema; print()"}, lacks: b.noJSONSchema()},
	)
}

// formats are those of which a small data set is made.
var formats = []string{"kitti-object", "kitti-tracking", "kitti-raw", "kitti-odometry", "semantickitti", "nuscenes", "lyft", "t4", "pair", "nuscenes"}

// dataSets validates ten small data sets, in one process.
func (b *bench) dataSets() error {
	mmgen := filepath.Join(b.dir, "mmgen")
	if err := b.do("go", "-C", b.root, "build", "-o", mmgen, "./internal/datagen/mmgen"); err != nil {
		return err
	}
	files, bytes := 0, int64(0)
	var dirs []string
	for i, f := range formats {
		dir := filepath.Join("data", fmt.Sprintf("%d-%s", i, f))
		if err := b.do(mmgen, "new", "-format", f, "-seed", fmt.Sprint(i+1), dir); err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	err := filepath.WalkDir(filepath.Join(b.dir, "data"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files, bytes = files+1, bytes+info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(b.dir, "empty"), 0o700); err != nil {
		return err
	}
	return b.compete(fmt.Sprintf("ten data sets: %d files, %.1f MB", files, float64(bytes)/1e6), false,
		&contestant{name: "`mmvalidate --ignore UMM` of all", args: append([]string{b.program("mmvalidate"), "--ignore", "UMM"}, dirs...)},
		&contestant{name: "`mmvalidate --ignore UMM` of one, KITTI", args: []string{b.program("mmvalidate"), "--ignore", "UMM", dirs[0]}},
		&contestant{name: "`mmvalidate --ignore UMM` of one, nuScenes", args: []string{b.program("mmvalidate"), "--ignore", "UMM", dirs[5]}},
		&contestant{name: "`find \\| xargs cat` of all", args: []string{"sh", "-c", "find data -type f -print0 | xargs -0 cat >/dev/null"}},
		&contestant{name: "`find \\| xargs sha256sum` of all", args: []string{"sh", "-c", "find data -type f -print0 | xargs -0 sha256sum >/dev/null"}},
	)
}

// Each record of each table against its JSON Schema, as a script would do it.
const jsonschema = `
import json, pathlib, sys, jsonschema
data, schemas = map(pathlib.Path, sys.argv[1:])
for table in sorted(data.glob("v1.0-*/*.json")):
    schema = json.loads((schemas / (table.stem + ".schema.json")).read_text())
    v = jsonschema.Draft202012Validator(schema)
    for row in json.loads(table.read_text()):
        v.validate(row)
`

// tables holds the records of one small nuScenes data set against their schemas.
func (b *bench) tables() error {
	data := filepath.Join("data", "5-nuscenes")
	return b.compete("records of a small nuScenes data set against their schemas", false,
		&contestant{name: "`mmvalidate --select SCH`", args: []string{b.program("mmvalidate"), "--select", "SCH", data}},
		&contestant{
			name: "`jsonschema` of Python, a script", lacks: b.noJSONSchema(),
			args: []string{b.python(), "-c", jsonschema, data, filepath.Join(b.root, "schemas", "tables", "nuscenes")},
		},
	)
}

// python is the interpreter itself: python3 may be a script that looks for it.
func (b *bench) python() string {
	out, err := exec.CommandContext(b.ctx, "python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return "python3"
	}
	return strings.TrimSpace(string(out))
}

// noJSONSchema says why jsonschema cannot be used.
func (b *bench) noJSONSchema() error {
	return exec.CommandContext(b.ctx, b.python(), "-c", "import jsonschema").Run()
}

// records appends one record to a ledger, durably.
func (b *bench) records() error {
	auditlog := b.program("auditlog")
	steps := [][]string{
		{auditlog, "keys", "new", "--no-passphrase"},
		{auditlog, "init"},
		{auditlog, "record", "incident", "--model", "m", "--version", "0", "--severity", "low", "--summary", "missed a kerb"},
	}
	db := []string{"sqlite3", "records.sqlite"}
	if _, err := exec.LookPath("sqlite3"); err == nil {
		steps = append(steps, append(db, "CREATE TABLE log (id TEXT PRIMARY KEY, record BLOB);"))
	}
	git := []string{"git", "-C", "repository", "-c", "user.name=n", "-c", "user.email=n@example.com"}
	if _, err := exec.LookPath("git"); err == nil {
		steps = append(steps, []string{"git", "init", "-q", "repository"})
	}
	for _, s := range steps {
		if err := b.do(s[0], s[1:]...); err != nil {
			return err
		}
	}
	record := []string{auditlog, "record", "incident", "--model", "m", "--severity", "low", "--summary", "missed a kerb", "--version"}
	return b.compete("one event recorded, durably", false,
		&contestant{name: "`auditlog record incident`", args: record, more: number("#")},
		&contestant{name: "`auditlog record incident --dry-run`", args: append(record[:len(record):len(record)], "x", "--dry-run")},
		&contestant{name: "`auditlog status`", args: []string{auditlog, "status"}},
		&contestant{name: "`sqlite3` INSERT, synchronous=FULL", args: db, more: number("PRAGMA synchronous=FULL; INSERT INTO log VALUES ('#', '" + strings.Repeat("x", 1000) + "');")},
		&contestant{name: "`git commit`, core.fsync=all", args: append(git, "-c", "core.fsync=all", "commit", "-q", "--allow-empty"), more: number("-m#")},
	)
}
