package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/export"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
)

func exportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "say what is recorded of a version in a format of others",
		Description: "Formats:\n\n" + exportFormats() + "\n" +
			"What the records do not say is left out. An export proves less than the records, which\n" +
			"cyclonedx and slsa name by digest: `auditlog bundle` is what proves.\n\n" +
			"With --sign, slsa becomes a DSSE envelope, and oms the Sigstore bundle model.sig that\n" +
			"`model_signing verify key` reads; oms needs an ECDSA P-256 key.\n\n" +
			"Exit status: 0 exported, 1 a record or document is not to be believed, 2 usage, 3 could not run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model's `NAME`"},
			&cli.StringFlag{Name: "version", Usage: "the version `V` of the model"},
			&cli.StringFlag{Name: "run", Usage: "the `ID` of the run (default: the last that finished)"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the list above"},
			&cli.StringFlag{Name: "files", Usage: "for oms: hash the folder `DIR` that the run left, where no record lists its files"},
			&cli.BoolFlag{Name: "sign", Usage: "sign it with the key of --key"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write to `FILE` (default: stdout)"},
		},
		Action: func(c *cli.Context) error { return exportAction(c, e) },
	}
}

func exportFormats() string {
	var b strings.Builder
	for _, f := range export.Formats() {
		fmt.Fprintf(&b, "  %-10s %s\n", f.Name, f.Summary)
	}
	return b.String()
}

func exportAction(c *cli.Context, e *env) error {
	const example = "auditlog export --model MODEL --version VERSION --format FORMAT"
	if err := flagsOnly(c, example, "model", "version", "format"); err != nil {
		return err
	}
	format, err := export.FormatOf(c.String("format"))
	if err != nil {
		return usageError(err, "`auditlog export --help` lists the formats")
	}
	if c.Bool("sign") && !format.Signed() {
		return clikit.Usagef("leave --sign out", "%s has no signed form here", format.Name)
	}
	s, err := e.openLedger(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	src, err := exportSource(c, s)
	if err != nil {
		return err
	}
	if dir := c.String("files"); dir != "" {
		listing := &folderListing{dir: dir}
		defer listing.close()
		src.Listing = func() (io.ReadCloser, error) { return listing.open(c.Context) }
	}
	document, err := format.Make(c.Context, src)
	if err != nil {
		return exportError(err)
	}
	if c.Bool("sign") {
		key, err := e.openKey(c)
		if err != nil {
			return err
		}
		if document, err = format.Seal(document, key); err != nil {
			return exportError(err)
		}
	}
	return e.writeExport(c, format, document)
}

// writeExport prints the document, or writes it to a file and says so.
func (e *env) writeExport(c *cli.Context, format export.Format, document []byte) error {
	if !bytes.HasSuffix(document, []byte("\n")) && c.String("out") == "" {
		document = append(document, '\n')
	}
	file := c.String("out")
	if file == "" {
		_, err := e.stdout.Write(document)
		return err
	}
	if err := durable.WriteFile(file, document, 0o644); err != nil {
		return err
	}
	r := struct {
		V      int    `json:"v"`
		Format string `json:"format"`
		File   string `json:"file"`
		Digest string `json:"sha3_512"`
	}{1, format.Name, file, audit.DigestOf(document)}
	return e.result(c, r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  sha3-512 %s\n", file, r.Digest)
		return err
	})
}

func exportError(err error) error {
	return advise(err, []advice{
		{export.ErrDocument, clikit.Findings, "`auditlog verify` names every damaged file; restore them from a backup"},
		{store.ErrDamaged, clikit.Findings, "`auditlog verify` names every damaged file; restore them from a backup"},
		{export.ErrNoFiles, clikit.Usage, "--files DIR names the folder that the run left"},
		{export.ErrNoRun, clikit.Usage, "--run names another run; only cyclonedx can tell of a version without artefacts"},
		{export.ErrCut, clikit.Failed, "the list of all is the document outputs.json of `auditlog bundle`; next time, --output one folder with them"},
		{export.ErrRecords, clikit.Usage, "--model, --version and --run name what is recorded; `auditlog status` tells of the ledger"},
		{export.ErrUnsigned, clikit.Usage, "`auditlog keys new --algorithm " + string(keys.ECDSAP256) + "` makes a key for oms"},
	})
}

// exportSource finds the records of the version, and of its data sets, at the
// head. Each must be believed.
func exportSource(c *cli.Context, s *store.Store) (export.Source, error) {
	src := export.Source{
		Ledger: s.Origin, Model: c.String("model"), Version: c.String("version"), Run: c.String("run"),
		Open: s.Blobs.Open,
	}
	head, err := s.Log.Head(c.Context)
	if err != nil {
		return src, err
	}
	ring, err := trust.Load(c.Context, s.Log, head.Size)
	if err != nil {
		return src, err
	}
	a := &asking{Context: c, s: s, model: src.Model, of: src.Version}
	if a.View, err = query.Open(c.Context, s.Log, query.Options{Judge: ring, Size: head.Size}); err != nil {
		return src, err
	}
	life, err := a.View.Version(c.Context, src.Model, src.Version)
	if err != nil {
		return src, queryError(a, err)
	}
	for _, e := range life.Events {
		const hint = "an export cannot say so; `auditlog query` and `auditlog bundle` do"
		if e.Record == nil {
			return src, &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("record %d %s", e.Index, e.Line), Hint: hint}
		}
		if v := ring.Judge(e.Index, e.Record); !v.OK() {
			err := fmt.Errorf("record %d is not to be believed: %s", e.Index, v.Problems[0].Message)
			return src, &clikit.Error{Code: clikit.Findings, Err: err, Hint: hint}
		}
		src.Entries = append(src.Entries, export.Entry{Index: e.Index, Record: e.Record})
	}
	return src, nil
}

// A folderListing is the listing of a folder, made when it is first asked for.
type folderListing struct {
	dir  string
	file *os.File // without a name
	size int64
}

func (l *folderListing) open(ctx context.Context) (io.ReadCloser, error) {
	if l.file == nil {
		f, err := os.CreateTemp("", name+"-listing-*")
		if err != nil {
			return nil, err
		}
		os.Remove(f.Name())
		if _, err = fingerprint.Run(ctx, l.dir, fingerprint.Options{SHA256: true, Listing: f}); err == nil {
			l.size, err = f.Seek(0, io.SeekCurrent)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		l.file = f
	}
	return io.NopCloser(io.NewSectionReader(l.file, 0, l.size)), nil
}

func (l *folderListing) close() {
	if l.file != nil {
		l.file.Close()
	}
}
