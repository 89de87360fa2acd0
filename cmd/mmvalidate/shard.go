package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate"
)

// shardFlags share a validation among many workers (docs/scale.md).
func shardFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "shard", Usage: "look at the `I/N`-th of N shares of the payload files, such as 3/16, and leave what was seen in --parts"},
		&cli.StringFlag{Name: "parts", Usage: "`FOLDER` of the parts of all shards; without --shard, open no payload file that they have seen"},
	}
}

// shareOf does one share of the work of a run.
func (j *job) shareOf(c *cli.Context, e *env) error {
	for _, other := range []string{"format", "output", "watch"} {
		if c.IsSet(other) {
			return clikit.Usagef("run the command once more without --shard when all shards are done", "--shard and --%s do not go together: a share has no report", other)
		}
	}
	s, err := shard.Parse(c.String("shard"))
	if err != nil {
		return clikit.Usagef("the I-th of N shards, counted from 1, such as 3/16", "--shard %w", err)
	}
	parts := c.String("parts")
	if parts == "" {
		return clikit.Usagef("one folder that all shards can write to, such as --parts parts", "--shard needs --parts")
	}
	var p *validate.Part
	err = j.limited(c.Context, e, func(ctx context.Context) (err error) {
		p, err = validate.RunShard(ctx, j.folders, s, parts, j.opts)
		return err
	})
	if errors.Is(err, shard.ErrInside) {
		return clikit.Usagef("name a folder elsewhere", "--parts %w", err)
	}
	if err != nil {
		return j.failed(c.Context, err, "no part was left: run the shard again", "interrupted; no part was left")
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %s seen\n", p.Name, human.Count(p.Files, "payload file"))
	return err
}

// withParts has the run take what shards have seen. The caller closes it.
func (j *job) withParts(dir string) (closeParts func(), err error) {
	if dir == "" {
		return func() {}, nil
	}
	p, err := validate.OpenParts(dir, j.folders, j.opts.Version)
	if err != nil {
		return nil, &clikit.Error{Code: clikit.Failed, Err: fmt.Errorf("--parts: %w", err), Hint: partsHint(dir, err)}
	}
	j.opts.Parts = p
	return func() { p.Close() }, nil
}

// partsHint says what to do about parts that do not make a whole.
func partsHint(dir string, err error) string {
	var missing *shard.MissingError
	switch {
	case errors.As(err, &missing):
		return fmt.Sprintf("run `mmvalidate DIR --parts %s --shard %s`, and so on for each", dir, missing.Missing[0])
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, shard.ErrParts):
		return "one folder for each validation, with the parts of all its shards, made by the same build of the same folders as written here"
	case errors.Is(err, shard.ErrPart):
		return "run its shard again"
	}
	return ""
}

// missed tells of payload files that no shard has seen as they are.
func (j *job) missed(e *env) {
	if j.opts.Parts == nil {
		return
	}
	if _, n := j.opts.Parts.Used(); n > 0 {
		fmt.Fprintf(e.stderr, "%s: %s opened here: no shard has seen them as they are\n", name, human.Count(n, "payload file"))
	}
}
