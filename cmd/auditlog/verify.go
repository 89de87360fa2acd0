package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/human"
)

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "verify the ledger, a record, data, a model, or a bundle", ArgsUsage: "[BUNDLE|RECORD|FOLDER|FILE]",
		Description: "Verifies every signature, hash, record and document of the ledger:\n\n" + checkList() + "\n" +
			"With an argument it verifies that alone, and what it is decides how: a bundle, with no\n" +
			"ledger and no network; a record in its file; the data in a folder, by the record that\n" +
			"names them; any other file, such as a model, by the records that name it.\n\n" +
			"A check that was skipped says why, and is not reported as passed. Without --trust the keys\n" +
			"come from the ledger itself, and it is not anchored: who made it up made up its keys too.\n\n" +
			"Exit status: 0 all that was looked at is as it should be; 1 something is wrong, and is named;\n" +
			"2 usage; 3 something could not be looked at; 130 interrupted.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "trust", Usage: "anchor the ledger in the trust file `FILE`, which came to you by another way than the ledger"},
			&cli.StringSliceFlag{Name: "against", Usage: "verify that the ledger continues the older checkpoint, or that of the bundle, in `FILE`; repeatable"},
			&cli.StringFlag{Name: "network", Usage: "ask the network of `fabric:FILE` what it has anchored of the ledger"},
			&cli.StringFlag{Name: "both", Usage: "compare every record, byte by byte, with those of the ledger at `PLACE`: a folder, or fabric:PROFILE.yaml"},
			&cli.BoolFlag{Name: "lives", Usage: "read the lives of all versions too; an error in one is a failure"},
			&cli.BoolFlag{Name: "no-listings", Usage: "do not ask for the lists of files of data sets"},
			&cli.BoolFlag{Name: "no-documents", Usage: "do not ask for any document that records name"},
			&cli.StringFlag{Name: "record", Usage: "verify one record, `N|DIGEST|FILE`, with its proof and documents"},
			&cli.StringFlag{Name: "data", Usage: "hash the folder `DIR` again, and hold it against its record"},
			&cli.StringFlag{Name: "of", Usage: "with --data: the record or data set that it should be, `N|N/NAME|NAME`; then each file that differs is named"},
			&cli.StringFlag{Name: "artifact", Usage: "verify the records that name the file or folder `PATH`, by its content: where it came from, who approved it, where it went"},
			crossMountsFlag(), jobsFlag(), progressFlag(), // and no cache: what is verified is read
		},
		Action: func(c *cli.Context) error { return verifyAction(c, e) },
	}
}

// checkList names the checks with what they prove.
func checkList() string {
	var b strings.Builder
	for _, k := range verify.Catalogue() {
		if k.Of != verify.OfOne && k.Of != verify.OfData {
			on := ""
			if k.Of == verify.OfNetwork {
				on = "on Fabric: "
			}
			fmt.Fprintf(&b, "  %-10s  %s%s\n", k.ID, on, k.Proves)
		}
	}
	return b.String()
}

func verifyAction(c *cli.Context, e *env) error {
	what, err := toVerify(c)
	if err != nil {
		return err
	}
	if what.kind == "bundle" {
		return e.verifyBundle(c, what.word)
	}
	place, err := ledgerPlace(c)
	if err != nil {
		return err
	}
	o := verify.Options{Tell: e.waiting(c), Lives: c.Bool("lives"), NoListings: c.Bool("no-listings"), NoDocuments: c.Bool("no-documents")}
	if o.Workers, err = jobs(c); err != nil {
		return err
	}
	if o.Anchor, err = trustFile(c); err != nil {
		return err
	}
	for _, file := range c.StringSlice("against") {
		older, err := olderCheckpoint(file)
		if err != nil {
			return err
		}
		o.Against = append(o.Against, older)
	}
	if to := c.String("network"); to != "" {
		network, err := openNetwork(to, "--network")
		if err != nil {
			return err
		}
		defer network.Close()
		o.Network = network.Anchored
	}
	if o.Both = c.String("both"); o.Both != "" {
		if o.Both, err = cleanPlace(o.Both); err != nil {
			return err
		}
	}
	show, done, err := e.verifyProgress(c)
	if err != nil {
		return err
	}
	o.Progress = show
	var report *verify.Report
	if what.kind == "" {
		report, err = verify.Ledger(c.Context, place, o)
	} else {
		report, err = e.verifyPart(c, what, place, o)
	}
	done()
	if err != nil {
		return err
	}
	if err := e.result(c, report, func(w io.Writer) error { return printReport(w, report) }); err != nil {
		return err
	}
	return outcomeError(report.Outcome, report.Meaning)
}

// outcomeError gives an outcome its exit status.
func outcomeError(o verify.Outcome, meaning string) error {
	switch o {
	case verify.Failed:
		return &clikit.Error{Code: clikit.Findings, Err: errors.New(meaning)}
	case verify.Incomplete:
		return &clikit.Error{Code: clikit.Failed, Err: errors.New(meaning)}
	}
	return nil
}

func printReport(w io.Writer, r *verify.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger      %s\n", printable(r.Ledger.Folder))
	if r.Ledger.Root != "" {
		fmt.Fprintf(&b, "origin      %s\nsize        %d\nroot        %s\n", r.Ledger.Origin, r.Ledger.Size, r.Ledger.Root)
	}
	b.WriteString("\n")
	at := 0 // of the findings
	for _, check := range r.Checks {
		fmt.Fprintf(&b, "%-7s  %-10s  %s\n", check.Status, check.ID, printable(check.Message))
		shown, hint := 0, ""
		for ; at < len(r.Findings) && r.Findings[at].Check == check.ID; at++ {
			f := r.Findings[at]
			word := ""
			if f.Status == verify.OK {
				word = "note: "
			}
			if f.Hint != hint && hint != "" { // once for all that it is for
				fmt.Fprintf(&b, "%21shint: %s\n", "", hint)
			}
			hint = f.Hint
			fmt.Fprintf(&b, "%21s%s%s\n", "", word, printable(f.String()))
			shown++
		}
		if hint != "" {
			fmt.Fprintf(&b, "%21shint: %s\n", "", hint)
		}
		if more := check.Findings - shown; more > 0 {
			fmt.Fprintf(&b, "%21sand %d more\n", "", more)
		}
	}
	for i, l := range r.Records {
		if i == 0 {
			b.WriteString("\n")
		}
		about := strings.TrimSpace(l.Model + " " + l.Version)
		if about != "" {
			about += "  "
		}
		fmt.Fprintf(&b, "record   %d  %s  %s%s\n", l.Index, l.Event, printable(about), printable(l.Says))
	}
	for i, l := range r.Lives {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "life     %s %s  %s: %s, %s, %s\n", printable(l.Model), printable(l.Version), l.State,
			human.Count(l.Counts.Errors, "error"), human.Count(l.Counts.Warnings, "warning"), human.Count(l.Counts.Notes, "note"))
	}
	fmt.Fprintf(&b, "\n%s: %s\n", r.Outcome, r.Meaning)
	_, err := io.WriteString(w, b.String())
	return err
}

// trustFile reads --trust; nil if it is not given.
func trustFile(c *cli.Context) (*trust.Anchor, error) {
	file := c.String("trust")
	if file == "" {
		return nil, nil
	}
	text, err := readFile(file, trust.MaxTrustFile+1)
	if err != nil {
		return nil, usageError(fmt.Errorf("--trust: %w", err), "`auditlog keys show --trust-file`, run by who keeps the ledger, prints one")
	}
	anchor, err := trust.ParseAnchor(text)
	if err != nil {
		return nil, usageError(fmt.Errorf("--trust %s: %w", file, err), "`auditlog keys show --trust-file`, run by who keeps the ledger, prints one")
	}
	return anchor, nil
}

// maxCheckpoint bounds what is read as a checkpoint, in bytes. One with a hundred
// cosignatures has 16 kB.
const maxCheckpoint = 1 << 20

// olderCheckpoint reads a checkpoint from its file, or from a bundle.
func olderCheckpoint(file string) (verify.Older, error) {
	const hint = "`auditlog checkpoint > FILE` writes one; a bundle has one too"
	bundle, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrFormat) {
		text, err := readFile(file, maxCheckpoint)
		if err != nil {
			return verify.Older{}, usageError(fmt.Errorf("--against: %w", err), hint)
		}
		return verify.Older{Name: file, Checkpoint: text}, nil
	} else if err != nil {
		return verify.Older{}, usageError(fmt.Errorf("--against: %w", err), hint)
	}
	defer bundle.Close()
	member, err := bundle.Open("checkpoint")
	if err != nil {
		return verify.Older{}, usageError(fmt.Errorf("--against: %s is no bundle: %w", file, err), hint)
	}
	defer member.Close()
	text, err := io.ReadAll(io.LimitReader(member, maxCheckpoint))
	if err != nil {
		return verify.Older{}, fmt.Errorf("--against %s: %w", file, err)
	}
	return verify.Older{Name: file, Checkpoint: text}, nil
}

// verifyProgress shows how far a verification is.
func (e *env) verifyProgress(c *cli.Context) (show func(verify.Progress), done func(), err error) {
	mode, err := progressMode(c)
	if err != nil {
		return nil, nil, err
	}
	records, bytes := clikit.NewProgress(e.stderr, mode, "verifying"), clikit.NewBytesProgress(e.stderr, mode)
	compared := clikit.NewProgress(e.stderr, mode, "comparing")
	show = func(p verify.Progress) {
		if p.Stage == "documents" {
			records.Done()
			bytes.Update("verifying documents", p.Done, p.Total, p.Done == p.Total)
			return
		}
		if p.Stage == "both" {
			records.Done()
			compared.Update(int(p.Done), int(p.Total))
			return
		}
		// Both stages go through all records; the second takes far longer.
		done := p.Done / 20
		if p.Stage == "records" {
			done = p.Total/20 + p.Done - p.Done/20
		}
		records.Update(int(done), int(p.Total))
	}
	return show, func() { records.Done(); compared.Done() }, nil
}
