package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
)

// A subject is what `verify` is asked to verify.
type subject struct {
	kind string // flag, or bundle; empty: the whole ledger
	word string
}

const verifyExamples = "auditlog verify [BUNDLE|RECORD|FOLDER|FILE], or one of --record, --data, --artifact"

// toVerify finds out what is to be verified: one flag, or one argument, which
// decides by what it is.
func toVerify(c *cli.Context) (subject, error) {
	var all []subject
	for _, flag := range []string{"record", "data", "artifact"} {
		if c.IsSet(flag) {
			all = append(all, subject{flag, c.String(flag)})
		}
	}
	for _, word := range c.Args().Slice() {
		kind, err := kindOfFile(word)
		if err != nil {
			return subject{}, err
		}
		all = append(all, subject{kind, word})
	}
	switch {
	case len(all) > 1:
		return subject{}, clikit.Usagef(verifyExamples, "%d things are to be verified", len(all))
	case c.IsSet("of") && (len(all) == 0 || all[0].kind != "data"):
		return subject{}, clikit.Usagef("auditlog verify --data DIR --of RECORD", "--of goes with --data")
	case len(all) == 0:
		return subject{}, nil
	}
	for _, flag := range []string{"against", "both", "lives", "network"} {
		if c.IsSet(flag) {
			return subject{}, clikit.Usagef("verify the whole ledger with it", "--%s is about the whole ledger", flag)
		}
	}
	return all[0], nil
}

// kindOfFile says what a file or folder is: bundle, record, data or artifact.
func kindOfFile(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", usageError(err, verifyExamples)
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(name, "ledger.json")); !errors.Is(err, fs.ErrNotExist) {
			return "", clikit.Usagef("a ledger is --ledger DIR; a folder of data that has such a file is --data DIR", "%s may be a ledger or data", name)
		}
		return "data", nil
	}
	if isBundle(name) {
		return "bundle", nil
	}
	head, err := readFile(name, ledger.MaxRecord+1)
	if err != nil {
		return "", err
	}
	if _, err := audit.Open(head); err == nil || strings.Contains(string(head), `"payloadType":"application/vnd.in-toto+json"`) {
		return "record", nil
	}
	return "artifact", nil
}

// isBundle reports whether a file is a zip with a table of contents. Weights of
// models are zips too.
func isBundle(name string) bool {
	z, err := zip.OpenReader(name)
	if err != nil {
		return strings.HasSuffix(name, ".bundle")
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Name == "bundle.json" {
			return true
		}
	}
	return false
}

// verifyPart verifies one thing in the ledger.
func (e *env) verifyPart(c *cli.Context, what subject, place string, o verify.Options) (*verify.Report, error) {
	var err error
	if o.Fingerprint, err = e.hashOptions(c); err != nil {
		return nil, err
	}
	switch what.kind {
	case "data":
		report, err := verify.Data(c.Context, place, what.word, c.String("of"), o)
		return report, partError(c, o, err)
	case "artifact":
		report, err := verify.Artifact(c.Context, place, what.word, o)
		return report, partError(c, o, err)
	}
	if n, err := strconv.ParseInt(what.word, 10, 64); err == nil && n >= 0 && len(what.word) < 19 {
		return verify.Record(c.Context, place, n, "", o)
	}
	if isHex(what.word, 64) {
		return verify.Record(c.Context, place, -1, strings.ToLower(what.word), o)
	}
	record, err := readFile(what.word, ledger.MaxRecord+1)
	if err != nil {
		return nil, usageError(fmt.Errorf("--record: %w", err), "a number, the SHA3-512 of a record, or the file of one")
	}
	if _, err := audit.Open(record); err != nil {
		return nil, &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("%s: %w", what.word, err), Hint: "it was changed, or written by something else than auditlog"}
	}
	return verify.Record(c.Context, place, -1, audit.DigestOf(record), o)
}

func partError(c *cli.Context, o verify.Options, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usageError(err, verifyExamples)
	} else if err == nil || errors.Is(err, ledger.ErrNoLedger) {
		return err
	}
	return hashError(c.Context, o.Fingerprint, err)
}

// verifyBundle verifies a bundle: no ledger is asked.
func (e *env) verifyBundle(c *cli.Context, file string) error {
	anchor, err := trustFile(c)
	if err != nil {
		return err
	}
	r, err := bundle.Verify(c.Context, file, anchor)
	if err != nil {
		return err
	}
	if err := e.result(c, r, func(w io.Writer) error {
		var b strings.Builder
		fmt.Fprintf(&b, "bundle      %s\nquestion    %s\norigin      %s\nsize        %d\nroot        %s\n\n", printable(file), printable(r.Question), printable(r.Ledger.Origin), r.Ledger.Size, r.Ledger.Root)
		for _, check := range r.Checks {
			where := ""
			if check.Where != "" {
				where = check.Where + ": "
			}
			fmt.Fprintf(&b, "%-7s  %-10s  %s\n", check.Status, check.ID, printable(where+check.Message))
		}
		fmt.Fprintf(&b, "\n%s: %s\n", r.Outcome, r.Meaning)
		_, err := io.WriteString(w, b.String())
		return err
	}); err != nil {
		return err
	}
	if r.Outcome == bundle.Failed {
		return &clikit.Error{Code: clikit.Findings, Err: errors.New(r.Meaning)}
	}
	return nil
}
