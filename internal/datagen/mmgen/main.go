// Command mmgen makes data sets that are valid in every respect, and breaks
// them: one fault for each rule of mmvalidate.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

const usage = `usage: mmgen new [-format FORMAT] [-seed N] [-frames N] DIR
       mmgen break -rule ID DIR
       mmgen list

new    writes a valid data set into DIR, which must be empty or new
break  applies the fault of a rule to a data set that new has made, or to one
       of those below DIR; faults that change every stamp write another one
list   prints the formats and the rules
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errUsage is about the arguments.
var errUsage = errors.New("usage")

func run(args []string, stdout, stderr io.Writer) int {
	err := fmt.Errorf("%w: no command", errUsage)
	if len(args) > 0 {
		switch args[0] {
		case "new":
			err = create(args[1:])
		case "break":
			err = breakOne(args[1:], stdout)
		case "list":
			err = list(stdout)
		case "help", "-h", "--help":
			fmt.Fprint(stdout, usage)
			return 0
		default:
			err = fmt.Errorf("%w: no command %q", errUsage, args[0])
		}
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "mmgen: error: %v\n%s", err, usage)
		return 2
	}
	fmt.Fprintf(stderr, "mmgen: error: %v\n", err)
	return 1
}

// parse reads the flags of a command and its one argument.
func parse(f *flag.FlagSet, args []string) (dir string, err error) {
	f.SetOutput(io.Discard)
	if err := f.Parse(args); err != nil {
		return "", fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() != 1 {
		return "", fmt.Errorf("%w: %s needs one folder", errUsage, f.Name())
	}
	return f.Arg(0), nil
}

func create(args []string) error {
	f := flag.NewFlagSet("new", flag.ContinueOnError)
	format := f.String("format", "pair", "")
	seed := f.Uint64("seed", 1, "")
	frames := f.Int("frames", 0, "")
	dir, err := parse(f, args)
	if err != nil {
		return err
	}
	formats := datagen.Formats()
	i := slices.IndexFunc(formats, func(x datagen.Format) bool { return x.Name == *format })
	if i < 0 {
		return fmt.Errorf("%w: no format %q", errUsage, *format)
	}
	if *frames < 0 {
		return fmt.Errorf("%w: -frames %d", errUsage, *frames)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err != nil {
		return err
	} else if len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	return formats[i].Write(*seed, *frames, dir)
}

func breakOne(args []string, stdout io.Writer) error {
	f := flag.NewFlagSet("break", flag.ContinueOnError)
	rule := f.String("rule", "", "")
	dir, err := parse(f, args)
	if err != nil {
		return err
	}
	roots, err := below(dir)
	if err != nil {
		return err
	}
	missing := fmt.Errorf("no fault for the rule %q", *rule)
	for _, m := range datagen.Mutations() {
		if !strings.EqualFold(m.Rule, *rule) {
			continue
		}
		for _, root := range roots {
			if !fits(m.Base.Name, root) {
				missing = fmt.Errorf("the fault of %s needs a data set %s, and there is none below %s", m.Rule, m.Base.Name, dir)
				continue
			}
			if err = m.Apply(&datagen.Dir{Root: root}); err == nil {
				_, err = fmt.Fprintf(stdout, "broke %s in %s\n", m.Rule, root)
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	return missing
}

// below gives dir and its folders.
func below(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	roots := []string{dir}
	for _, e := range entries {
		if e.IsDir() {
			roots = append(roots, filepath.Join(dir, e.Name()))
		}
	}
	return roots, nil
}

// fits reports whether root looks like the data set of that name.
func fits(base, root string) bool {
	for _, f := range []struct{ prefix, file string }{
		{"kitti-object", "training/label_2"},
		{"kitti-raw", "*/calib_cam_to_cam.txt"},
		{"kitti-tracking", "training/label_02"},
		{"kitti-odometry", "sequences/*/times.txt"},
		{"semantickitti", "sequences/*/labels"},
		{"lyft", "v1.0[12]-*/sample_data.json"},
		{"nuscenes", "v1.0-*/sample_data.json"},
		{"t4", "annotation/sample_data.json"},
		{"pair", "nuscenes/*/sample_data.json"},
	} {
		if strings.HasPrefix(base, f.prefix) {
			found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(f.file)))
			return err == nil && len(found) > 0
		}
	}
	return false
}

func list(w io.Writer) error {
	var b strings.Builder
	b.WriteString("formats:\n")
	for _, f := range datagen.Formats() {
		fmt.Fprintf(&b, "  %-15s %s\n", f.Name, f.Summary)
	}
	b.WriteString("faults, by rule and the data set that they are made for:\n")
	var lines []string
	for _, m := range datagen.Mutations() {
		lines = append(lines, fmt.Sprintf("  %s %s\n", m.Rule, m.Base.Name))
	}
	slices.Sort(lines)
	for _, l := range slices.Compact(lines) {
		b.WriteString(l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
