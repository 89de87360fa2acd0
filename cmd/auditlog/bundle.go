package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/view"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

func bundleCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "bundle", Usage: "put the life of a version, with proofs, into one file",
		Description: "Writes a zip with every record of the version, what proves that it is in the ledger, the\n" +
			"signed checkpoint, all keys, the policy, and the documents that the records name.\n" +
			"`auditlog verify FILE` verifies it, with no ledger and no network; so do openssl and a\n" +
			"shell, by the commands in its README.txt. It is verified before it gets its name.\n\n" +
			"Exit status: 0 written, 1 what the ledger has does not verify, 2 usage, or there is no such\n" +
			"version, 3 could not run, 130 interrupted. Nothing is written but with 0.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model's `NAME`"},
			&cli.StringFlag{Name: "version", Usage: "the version `V` of the model"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the bundle to `FILE`, such as bev-seg-3.2.0.zip"},
			&cli.BoolFlag{Name: "with-listings", Usage: "put the lists of files of the data sets in: names of files may be confidential"},
			&cli.BoolFlag{Name: "no-documents", Usage: "leave out the documents that records name"},
			&cli.StringFlag{Name: "question", Usage: "what the bundle answers, in a `SENTENCE`"},
			&cli.StringFlag{Name: "trust", Usage: "verify against the trust file `FILE`, and put it in, for who has none; in there it is no anchor"},
			&cli.BoolFlag{Name: "html", Usage: "put in index.html, the life for people to read"},
			langFlag(),
		},
		Action: func(c *cli.Context) error { return bundleAction(c, e) },
	}
}

func langFlag() cli.Flag {
	return &cli.StringFlag{Name: "lang", Usage: "language of the page, `LANG`: " + langNames(), Value: string(view.English)}
}

func langNames() string { return join(view.Langs(), ", ") }

// pageLang reads langFlag.
func pageLang(c *cli.Context) (view.Lang, error) {
	for _, l := range view.Langs() {
		if c.String("lang") == string(l) {
			return l, nil
		}
	}
	return "", clikit.Usagef("one of "+langNames(), "--lang %q is unknown", c.String("lang"))
}

func bundleAction(c *cli.Context, e *env) error {
	const example = "auditlog bundle --model M --version V -o FILE"
	if err := flagsOnly(c, example, "model", "version", "out"); err != nil {
		return err
	}
	lang, err := pageLang(c)
	if err != nil {
		return err
	}
	if c.IsSet("lang") && !c.Bool("html") {
		return clikit.Usagef("give --html too", "--lang is for --html")
	}
	o := bundle.Options{Model: c.String("model"), Version: c.String("version"), Question: c.String("question"), Listings: c.Bool("with-listings")}
	if o.Question == "" {
		o.Question = fmt.Sprintf("the life of %s %s", o.Model, o.Version)
	}
	if o.Trust, err = trustFile(c); err != nil {
		return err
	}
	s, err := e.openLedger(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	a := &asking{Context: c, s: s, model: o.Model, of: o.Version}
	if a.View, err = query.Open(c.Context, s.Log, query.Options{Documents: s.Blobs}); err != nil {
		return err
	}
	if o.Head, _, err = signed(c, s, a.Head); err != nil {
		return err
	}
	if o.Indices, err = a.Records(c.Context, o.Model, o.Version); err != nil {
		return queryError(a, err)
	}
	if o.Anchors, err = anchorsOf(c.Context, s, o.Head); err != nil {
		return err
	}
	if !c.Bool("no-documents") {
		o.Documents = func(d *audit.Attachment) (io.ReadCloser, error) { return s.Blobs.Open(d.Digest["sha3_512"]) }
	}
	made, err := makeBundle(c.Context, s, o, c.String("out"), c.Bool("html"), lang)
	if err != nil {
		return err
	}
	if n := len(made.Absent); n > 0 {
		e.remark(c, "%s that records name left out: bundle.json says which", human.Count(n, "document"))
	}
	type written struct {
		V       int            `json:"v"`
		File    string         `json:"file"`
		Size    int64          `json:"size"`
		Digest  string         `json:"sha3_512"`
		Records int            `json:"records"`
		Outcome bundle.Outcome `json:"outcome"`
	}
	w := written{1, c.String("out"), made.size, made.digest, len(made.Records), made.report.Outcome}
	return e.result(c, w, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s  sha3-512 %s\n%s, %s; %s: %s\n", w.File, w.Digest, human.Count(w.Records, "record"), human.Bytes(w.Size), made.report.Outcome, made.report.Meaning)
		return err
	})
}

// anchorsOf gives the evidence of the newest anchor on each network that is no
// larger than a head.
func anchorsOf(ctx context.Context, s *store.Store, head ledger.Head) ([]*anchored.Evidence, error) {
	files, err := s.Anchors()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	ring, err := trust.Load(ctx, s.Log, head.Size)
	if err != nil {
		return nil, err
	}
	var all []*anchored.Evidence
	had := map[string]bool{}
	for _, f := range files {
		if had[f.Network] || f.Size > head.Size {
			continue
		}
		evidence, err := f.Read()
		if errors.Is(err, fs.ErrNotExist) {
			continue // a newer one took its place
		}
		if err == nil {
			_, err = ring.CheckEvidence(evidence)
		}
		if err != nil {
			return nil, badEvidence(f, err)
		}
		had[f.Network] = true
		all = append(all, evidence)
	}
	return all, nil
}

func badEvidence(f store.AnchorFile, err error) error {
	return &clikit.Error{
		Code: clikit.Findings, Err: fmt.Errorf("%s: %w", f.Path, err),
		Hint: "remove it, and `auditlog anchor` gets the evidence again; `auditlog verify` names all that is wrong",
	}
}

// A madeBundle is a bundle that was written and verified.
type madeBundle struct {
	*bundle.Manifest
	report *bundle.Report
	size   int64
	digest string
}

// makeBundle writes a bundle and verifies it; then it gets its name. With a page,
// it is written again: the page shows how the verification went.
func makeBundle(ctx context.Context, s *store.Store, o bundle.Options, out string, page bool, lang view.Lang) (*madeBundle, error) {
	made, tmp, err := tryBundle(ctx, s, o, out)
	if err == nil && page {
		os.Remove(tmp)
		var b bytes.Buffer
		if err := view.Life(&b, made.report.Life, view.Options{Lang: lang, Proof: made.report, Documents: s.Blobs}); err != nil {
			return nil, err
		}
		o.Extra = map[string][]byte{"index.html": b.Bytes()}
		made, tmp, err = tryBundle(ctx, s, o, out)
	}
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Rename(tmp, out), durable.SyncDir(filepath.Dir(out))); err != nil {
		os.Remove(tmp)
		return nil, durable.Failed(out, err)
	}
	return made, nil
}

// tryBundle writes a bundle beside the place where it will be, and verifies it.
func tryBundle(ctx context.Context, s *store.Store, o bundle.Options, out string) (made *madeBundle, tmp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*.tmp")
	if err != nil {
		return nil, "", usageError(durable.Failed(out, err), "make the folder first")
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	m, err := bundle.Write(ctx, f, s.Log, o)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	var at *fs.PathError
	switch {
	case errors.Is(err, bundle.ErrInvalid):
		return nil, "", &clikit.Error{Code: clikit.Findings, Err: err, Hint: "`auditlog verify` names every document that is not as it was recorded"}
	case errors.As(err, &at) && at.Path == f.Name():
		return nil, "", durable.Failed(out, err)
	case err != nil:
		return nil, "", err
	}
	report, err := bundle.Verify(ctx, f.Name(), o.Trust)
	if err != nil {
		return nil, "", err
	}
	if report.Outcome == bundle.Failed {
		var said []string
		for _, c := range report.Checks {
			if c.Status == bundle.Wrong {
				said = append(said, c.String())
			}
		}
		return nil, "", &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("it would not verify:\n%s", strings.Join(said, "\n")), Hint: "`auditlog verify` says what is wrong with the ledger"}
	}
	digest, err := hashed(ctx, f.Name())
	if err != nil {
		return nil, "", err
	}
	return &madeBundle{m, report, int64(digest.Size), digest.SHA3_512.String()}, f.Name(), nil
}

// writePage writes an answer as a page. There is none for most.
func writePage(w io.Writer, s *store.Store, answer any, lang view.Lang) error {
	o := view.Options{Lang: lang, Documents: s.Blobs}
	switch a := answer.(type) {
	case *lifecycle.Timeline:
		return view.Life(w, a, o)
	case *lifecycle.Difference:
		return view.Diff(w, a, o)
	}
	return clikit.Usagef("text and json show all answers", "html shows the life of a version, or what changed between two")
}
