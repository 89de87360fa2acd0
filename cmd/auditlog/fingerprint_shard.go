package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

// shard does one share of a fingerprint (docs/scale.md).
func (e *env) shard(c *cli.Context, root string, o fingerprint.Options) error {
	for _, other := range []string{"manifest", "listing", "prove", "prove-content", "check", "chunks"} {
		if c.IsSet(other) {
			return clikit.Usagef("run the command once more without --shard when all shards are done", "--shard and --%s do not go together", other)
		}
	}
	s, err := fingerprint.ParseShard(c.String("shard"))
	if err != nil {
		return clikit.Usagef("the I-th of N shards, counted from 1, such as 3/16", "--shard %w", err)
	}
	if o.Parts = c.String("parts"); o.Parts == "" {
		return clikit.Usagef("one folder that all shards can write to, such as --parts parts", "--shard needs --parts")
	}
	p, err := fingerprint.RunShard(c.Context, root, s, o)
	if err != nil {
		return hashError(c.Context, o, err)
	}
	type printed struct {
		V          int    `json:"v"`
		Shard      string `json:"shard"`
		Part       string `json:"part"`
		Files      uint64 `json:"files,string"`
		Bytes      uint64 `json:"bytes,string"`
		Cached     uint64 `json:"cached,string"`
		Unreadable uint64 `json:"unreadable,string"`
		CacheOff   string `json:"cacheOff,omitempty"`
	}
	out := printed{1, s.String(), p.Name, p.Files, p.Bytes, p.Cached, p.Unreadable, p.CacheOff}
	return e.result(c, out, func(w io.Writer) error {
		fmt.Fprintf(w, "shard     %s  %d files, %s\n", s, p.Files, size(p.Bytes))
		if p.Cached > 0 {
			fmt.Fprintf(w, "          %d files were not read again (cache)\n", p.Cached)
		}
		if p.CacheOff != "" {
			fmt.Fprintf(w, "          the cache is not used on %s\n", p.CacheOff)
		}
		if p.Unreadable > 0 {
			fmt.Fprintf(w, "          %d files could not be read: the fingerprint will be partial\n", p.Unreadable)
		}
		_, err := fmt.Fprintf(w, "part      %s\n", p.Name)
		return err
	})
}

// withParts has a run take the digests from the parts of shards.
func withParts(c *cli.Context, o fingerprint.Options, parts string) (fingerprint.Options, error) {
	if parts != "" && c.IsSet("cache") {
		return o, clikit.Usagef("leave --cache out", "--parts and --cache do not go together: nothing is read that could come from a cache")
	}
	o.Parts = parts
	return o, nil
}

// partsHint says what to do about parts that do not make a fingerprint; "" if
// they are not what is wrong.
func partsHint(o fingerprint.Options, err error) string {
	var missing *fingerprint.MissingError
	switch {
	case o.Parts == "":
		return ""
	case errors.As(err, &missing):
		return fmt.Sprintf("run `auditlog fingerprint DIR --parts %s --shard %s`, and so on for each", o.Parts, missing.Missing[0])
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fingerprint.ErrParts):
		return "one folder for each fingerprint, with the parts of all its shards, made and merged with the same flags"
	case errors.Is(err, fingerprint.ErrPart):
		return "run its shard again"
	case errors.Is(err, fingerprint.ErrUnstable):
		return "nobody may write from the first shard to the merge; where that is over, run the shards again"
	case errors.Is(err, fingerprint.ErrInside):
		return "--parts names a folder elsewhere"
	}
	return ""
}
