package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
)

// onlyFiles reads --since and --files-from: the files that the report is
// about, or nil for all.
func onlyFiles(c *cli.Context, e *env, folders []string) (func(root, path string) bool, error) {
	ref, list := c.String("since"), c.String("files-from")
	if ref == "" && list == "" {
		return nil, nil
	}
	want := map[string]bool{}
	if list != "" {
		if err := filesFrom(list, e.stdin, want); err != nil {
			return nil, &clikit.Error{Code: clikit.Usage, Err: fmt.Errorf("--files-from: %w", err), Hint: "one path a line, relative to the working folder"}
		}
	}
	if ref != "" {
		for _, f := range folders {
			if err := changedSince(c.Context, f, ref, want); err != nil {
				return nil, &clikit.Error{Code: clikit.Usage, Err: fmt.Errorf("--since %s: %w", ref, err), Hint: "a commit, branch or tag of the git repository that holds " + f}
			}
		}
	}
	return func(root, path string) bool {
		abs, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(path)))
		return err == nil && want[abs]
	}, nil
}

func filesFrom(name string, stdin io.Reader, want map[string]bool) error {
	r := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if l := strings.TrimRight(lines.Text(), "\r"); l != "" {
			abs, err := filepath.Abs(l)
			if err != nil {
				return err
			}
			want[abs] = true
		}
	}
	return lines.Err()
}

// changedSince adds what git says differs from ref below folder, files that
// git does not track yet among them.
func changedSince(ctx context.Context, folder, ref string, want map[string]bool) error {
	if strings.HasPrefix(ref, "-") { // git would take it for a flag
		return errors.New("is not a commit")
	}
	for _, args := range [][]string{
		{"rev-parse", "--git-dir"}, // outside of a repository, git diff says something else
		{"diff", "--no-ext-diff", "--no-textconv", "--name-only", "-z", "--relative", ref, "--", "."},
		{"ls-files", "--others", "--exclude-standard", "-z", "--", "."},
	} {
		var out, msg bytes.Buffer
		// The repository's own settings may name programs to run: whoever made
		// the data set may have made it too. Nor does a look at it write to it.
		cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0")
		cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &msg
		if err := cmd.Run(); err != nil {
			if line, _, _ := strings.Cut(strings.TrimSpace(msg.String()), "\n"); line != "" {
				return errors.New(strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: "))
			}
			return err
		}
		if args[0] == "rev-parse" {
			continue
		}
		for _, p := range strings.Split(out.String(), "\x00") {
			if p != "" {
				abs, err := filepath.Abs(filepath.Join(folder, p))
				if err != nil {
					return err
				}
				want[abs] = true
			}
		}
	}
	return nil
}
