package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/human"
)

func fingerprintCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "fingerprint", Usage: "hash a folder, prove what it holds, or hold it against a list", ArgsUsage: "DIR",
		Description: "Prints SHA3-512 roots of two Merkle trees, over paths and over contents, the digest of\n" +
			"the manifest, and counts. find, sort and openssl give the same manifest (docs/formats.md,\n" +
			"\"Data fingerprint\"). Nothing is written to the ledger.\n\n" +
			"Several machines share the work with --shard and --parts (docs/scale.md).\n\n" +
			"Exit status: 0 done, and nothing differs; 1 differs from --check, 2 usage, 3 could not be\nread or changed meanwhile, 130 interrupted (the next run with the same --cache goes on).",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "manifest", Usage: "write the digests of all files to `FILE`"},
			&cli.StringFlag{Name: "listing", Usage: "write what is known of each file to `FILE`, for proofs and comparisons"},
			&cli.StringFlag{Name: "prove", Usage: "prove that `PATH`, as it stands below DIR, is among the files or is not"},
			&cli.StringFlag{Name: "prove-content", Usage: "prove that a file with the content of `FILE` is among them or is not"},
			&cli.StringFlag{Name: "check", Usage: "compare the folder with a manifest or listing, `FILE`"},
			&cli.StringFlag{Name: "chunks", Usage: "write the digests of each 64 MiB of large files to `FILE`; with --check, compare such files by it, chunks side by side"},
			&cli.StringFlag{Name: "shard", Usage: "do the `I/N`-th of N shares of the work, such as 3/16, and leave what was found in --parts"},
			&cli.StringFlag{Name: "parts", Usage: "`FOLDER` of the parts of all shards; without --shard, take the digests from there and read no file"},
		}, hashFlags()...),
		Action: func(c *cli.Context) error { return fingerprintAction(c, e) },
	}
}

// A printed fingerprint is what the command prints as JSON.
type printed struct {
	V int `json:"v"`
	*fingerprint.Result
	Unreadable []string        `json:"unreadable,omitempty"` // the first of them
	Alike      []string        `json:"alike,omitempty"`      // the first names that another file system may take for others
	Path       string          `json:"path,omitempty"`       // that was asked for
	Content    string          `json:"contentDigest,omitempty"`
	Present    *bool           `json:"present,omitempty"`
	Proof      json.RawMessage `json:"proof,omitempty"`
}

func fingerprintAction(c *cli.Context, e *env) error {
	root, err := oneFolder(c)
	if err != nil {
		return err
	}
	o, err := e.hashOptions(c)
	if err != nil {
		return err
	}
	asked := 0
	for _, flag := range []string{"prove", "prove-content", "check"} {
		if c.IsSet(flag) {
			asked++
		}
	}
	if c.IsSet("shard") {
		return e.shard(c, root, o)
	}
	if o, err = withParts(c, o, c.String("parts")); err != nil {
		return err
	}
	switch {
	case c.IsSet("chunks") && c.IsSet("parts"):
		return clikit.Usagef("run the command without --parts", "--chunks and --parts do not go together: no file is read that chunks could be of")
	case asked > 1:
		return clikit.Usagef("run the command once for each", "--prove, --prove-content and --check do not go together")
	case c.IsSet("check"):
		return e.check(c, root, o)
	case asked == 1:
		return e.prove(c, root, o)
	}
	result, err := e.fingerprint(c, root, o)
	if err != nil {
		return err
	}
	return e.printFingerprint(c, printed{V: 1, Result: result})
}

func oneFolder(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", clikit.Usagef("auditlog fingerprint DIR", "want one folder, got %d", c.NArg())
	}
	root := filepath.Clean(c.Args().First())
	if _, err := os.Stat(root); err != nil {
		return "", usageError(err, "give the folder of a data set")
	}
	return root, nil
}

// fingerprint runs, and gives --manifest and --listing their content when it is
// known to be true.
func (e *env) fingerprint(c *cli.Context, root string, o fingerprint.Options) (*fingerprint.Result, error) {
	var commits []func() error
	for _, out := range []struct {
		flag string
		to   *io.Writer
	}{{"manifest", &o.Manifest}, {"listing", &o.Listing}, {"chunks", &o.Chunks}} {
		name := c.String(out.flag)
		if name == "" {
			continue
		}
		if in, err := fingerprint.Inside(root, filepath.Dir(name)); err != nil {
			return nil, err
		} else if in {
			return nil, clikit.Usagef("name a file elsewhere", "--%s %s lies in the folder, and would be hashed with it", out.flag, name)
		}
		dir, err := os.OpenRoot(filepath.Dir(name))
		if err != nil {
			return nil, usageError(fmt.Errorf("--%s: %w", out.flag, err), "make the folder first")
		}
		defer dir.Close()
		stream, err := durable.NewStream(dir, ".", 0o644)
		if err != nil {
			return nil, durable.Failed(name, err)
		}
		defer stream.Abort()
		both := io.Writer(stream)
		if *out.to != nil {
			both = io.MultiWriter(stream, *out.to)
		}
		*out.to = both
		commits = append(commits, func() error {
			if err := stream.Commit(filepath.Base(name)); err != nil {
				return durable.Failed(name, err)
			}
			return nil
		})
	}
	result, err := fingerprint.Run(c.Context, root, o)
	if err != nil {
		return nil, hashError(c.Context, o, err)
	}
	for _, commit := range commits {
		if err := commit(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// hashError says what to do about a folder that has no fingerprint.
func hashError(ctx context.Context, o fingerprint.Options, err error) error {
	if ctx.Err() != nil {
		next := "--cache DIR lets the next run go on where this one ended"
		if o.Cache != "" {
			next = "the next run with the same --cache goes on where this one ended"
		}
		return &clikit.Error{Code: clikit.Interrupted, Err: errors.New("interrupted; nothing was recorded"), Hint: next}
	}
	if hint := partsHint(o, err); hint != "" {
		return &clikit.Error{Code: clikit.Failed, Err: err, Hint: hint}
	}
	return advise(err, []advice{
		{fingerprint.ErrUnstable, clikit.Failed, "nobody may write while it is read: hash a snapshot, or wait for the writer"},
		{fingerprint.ErrUnreadable, clikit.Failed, "run as a user who may read all, or --allow-unreadable, which the record will say"},
		{fingerprint.ErrSpecial, clikit.Failed, "take pipes, sockets and devices out of the folder"},
		{fingerprint.ErrEscape, clikit.Failed, "copy what the link leads to, or take the link out: what lies outside would not be covered"},
		{fingerprint.ErrMount, clikit.Failed, "--cross-mounts reads other file systems too"},
		{fingerprint.ErrCacheBusy, clikit.Failed, "wait for the other run, or give each its own --cache"},
		{fingerprint.ErrOtherChunks, clikit.Failed, "a list of chunks goes with the manifest or listing of the same run"},
		{fingerprint.ErrInside, clikit.Failed, "--cache names a folder elsewhere"},
	})
}

// prove hashes the folder, keeping its listing until the proof is made.
func (e *env) prove(c *cli.Context, root string, o fingerprint.Options) error {
	listing, err := os.CreateTemp("", "auditlog-listing-*")
	if err != nil {
		return err
	}
	defer os.Remove(listing.Name())
	defer listing.Close()
	o.Listing = listing
	result, err := e.fingerprint(c, root, o)
	if err != nil {
		return err
	}
	if _, err := listing.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out := printed{V: 1, Result: result}
	var proof *fingerprint.Proof
	if c.IsSet("prove") {
		out.Path = strings.TrimPrefix(c.String("prove"), "./")
		proof, err = fingerprint.Prove(c.Context, listing, result.Tree, out.Path)
	} else {
		digest, hashErr := fingerprint.File(c.Context, c.String("prove-content"), o)
		if hashErr != nil {
			return usageError(fmt.Errorf("--prove-content: %w", hashErr), "")
		}
		out.Content = digest.SHA3_512.String()
		proof, err = fingerprint.ProveContent(c.Context, listing, result.Content, digest.SHA3_512, o)
	}
	if err != nil {
		return hashError(c.Context, o, err)
	}
	present := proof.Found != nil
	out.Present, out.Proof = &present, proof.Marshal()
	return e.printFingerprint(c, out)
}

func (e *env) printFingerprint(c *cli.Context, p printed) error {
	e.warnAlike(c, c.Args().First(), p.Result.Alike)
	for _, alike := range p.Result.Alike.First {
		p.Alike = append(p.Alike, strings.ToValidUTF8(alike, "\uFFFD"))
	}
	for _, problem := range p.Result.Unreadable.First {
		p.Unreadable = append(p.Unreadable, problem.String())
	}
	return e.result(c, p, func(w io.Writer) error {
		var b bytes.Buffer
		r := p.Result
		fmt.Fprintf(&b, "tree      %s  %d leaves\n", r.Tree.Root, r.Tree.Leaves)
		fmt.Fprintf(&b, "content   %s  %d contents\n", r.Content.Root, r.Content.Leaves)
		fmt.Fprintf(&b, "manifest  %s\n", r.Manifest)
		fmt.Fprintf(&b, "files     %d  %s\n", r.Files, human.Bytes(int64(r.Bytes)))
		for _, n := range []struct {
			count uint64
			what  string
		}{
			{r.Symlinks, "symbolic links"},
			{r.EmptyFolders, "empty folders, which are in no tree"},
			{r.HardLinks, "files that have other names as well"},
			{r.Cached, map[bool]string{true: "files were read by shards (parts)", false: "files were not read again (cache)"}[c.IsSet("parts")]},
			{r.Tree.Unreadable, "entries could not be read: the fingerprint is partial"},
		} {
			if n.count > 0 {
				fmt.Fprintf(&b, "          %d %s\n", n.count, n.what)
			}
		}
		if r.CacheOff != "" {
			fmt.Fprintf(&b, "          the cache is not used on %s\n", r.CacheOff)
		}
		if p.Present != nil {
			answer := map[bool]string{true: "present", false: "absent"}[*p.Present]
			what := fmt.Sprintf("%q", p.Path)
			if p.Content != "" {
				what = p.Content
			}
			fmt.Fprintf(&b, "%-8s  %s\nproof     %s\n", answer, what, p.Proof)
		}
		_, err := w.Write(b.Bytes())
		return err
	})
}

// check holds a folder against a manifest or listing.
func (e *env) check(c *cli.Context, root string, o fingerprint.Options) error {
	if c.IsSet("manifest") || c.IsSet("listing") {
		return clikit.Usagef("run the command once more without --check", "--check writes no --manifest and no --listing")
	}
	f, err := os.Open(c.String("check"))
	if err != nil {
		return usageError(fmt.Errorf("--check: %w", err), "`auditlog fingerprint DIR --manifest FILE` writes one")
	}
	defer f.Close()
	if name := c.String("chunks"); name != "" {
		list, err := os.Open(name)
		if err != nil {
			return usageError(fmt.Errorf("--chunks: %w", err), "`auditlog fingerprint DIR --manifest FILE --chunks FILE` writes one")
		}
		defer list.Close()
		o.Known = list
	}
	compared, err := fingerprint.Check(c.Context, root, f, o)
	if err != nil {
		return hashError(c.Context, o, err)
	}
	type chunks struct {
		From   uint64 `json:"from,string"` // bytes of the first that differs
		To     uint64 `json:"to,string"`   // not included
		Differ uint64 `json:"differ,string"`
	}
	type difference struct {
		Path   string             `json:"path"`
		Change fingerprint.Change `json:"change"`
		Chunks *chunks            `json:"chunks,omitempty"`
	}
	type checked struct {
		V       int          `json:"v"`
		OK      bool         `json:"ok"`
		Same    uint64       `json:"same,string"`
		Changed uint64       `json:"changed,string"`
		Missing uint64       `json:"missing,string"`
		Extra   uint64       `json:"extra,string"`
		Cached  uint64       `json:"cached,string"`
		Chunked uint64       `json:"byChunks,string"`
		First   []difference `json:"first"`
	}
	out := checked{1, compared.OK(), compared.Same, compared.Changed, compared.Missing, compared.Extra, compared.Cached, compared.ByChunks, []difference{}}
	for _, d := range compared.First {
		out.First = append(out.First, difference{Path: strings.ToValidUTF8(d.Path, "\uFFFD"), Change: d.Change})
		if d.Chunks > 0 {
			out.First[len(out.First)-1].Chunks = &chunks{d.From, d.To, d.Chunks}
		}
	}
	err = e.result(c, out, func(w io.Writer) error {
		for _, d := range compared.First {
			where := ""
			if d.Chunks > 0 {
				where = fmt.Sprintf("  first in bytes %d to %d; %d chunks differ", d.From, d.To-1, d.Chunks)
			}
			fmt.Fprintf(w, "%-8s %q%s\n", d.Change, d.Path, where)
		}
		if out.Chunked > 0 {
			fmt.Fprintf(w, "%d files were compared by their chunks; their whole digests were not computed\n", out.Chunked)
		}
		_, err := fmt.Fprintf(w, "%d the same, %d changed, %d missing, %d extra\n", out.Same, out.Changed, out.Missing, out.Extra)
		return err
	})
	if err == nil && !out.OK {
		err = &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("%s is not what %s says", root, c.String("check"))}
	}
	return err
}
