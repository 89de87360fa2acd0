package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/transfer"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/ledger"
)

func copyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "copy", Usage: "copy a ledger to another place, or bring a copy up to date",
		Description: "Copies every record to the same index, byte for byte, and the documents that records name.\n" +
			"What is at the target must be the beginning of the source, or nothing. Run it again to go\n" +
			"on after an interruption, or to bring the copy up to date. At the end the roots of both are\n" +
			"compared, and every record byte by byte.\n\n" +
			"  auditlog copy --from .auditlog --to fabric:bank.yaml       # onto a channel of Fabric\n" +
			"  auditlog copy --from fabric:regulator.yaml --to mirror     # a folder that follows it\n" +
			"  auditlog copy --from .auditlog --to /mnt/other/mirror\n\n" +
			"A folder becomes a mirror: it has the signed checkpoints of the source, query, verify and\n" +
			"bundle read it without a network, and nothing is recorded in it. It goes on by itself once\n" +
			"`auditlog keys rotate --log` gave it a key of its own. Onto a channel records are appended:\n" +
			"let nobody else append to it meanwhile. It becomes the ledger once `auditlog keys rotate\n" +
			"--log` says in it that its organisations sign. site.key is a secret of who records, and is\n" +
			"never copied.\n\n" +
			"Exit status: 0 copied and compared; 1 the two are not one ledger, or something in the source\n" +
			"is damaged; 2 usage, or no ledger there; 3 not finished, run it again; 130 interrupted, the same.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the source: a folder `PLACE`, or fabric:PROFILE.yaml (default: --ledger, AUDITLOG_LEDGER, else .auditlog here or above)"},
			&cli.StringFlag{Name: "to", Usage: "the target: a folder `PLACE`, or fabric:PROFILE.yaml"},
			&cli.BoolFlag{Name: "no-documents", Usage: "leave out the documents that records name"},
			&cli.BoolFlag{Name: "no-compare", Usage: "compare the roots alone at the end, and not every record"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be copied, and write nothing"},
			progressFlag(),
		},
		Action: func(c *cli.Context) error { return copyAction(c, e) },
	}
}

func copyAction(c *cli.Context, e *env) error {
	const example = "auditlog copy --from .auditlog --to fabric:bank.yaml"
	if err := flagsOnly(c, example, "to"); err != nil {
		return err
	}
	place, err := cleanPlace(c.String("to"))
	if err != nil {
		return err
	}
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	from, err := e.openFrom(c)
	if err != nil {
		return copyError(c.Context, err)
	}
	defer from.Close()
	show, done := e.copyProgress(mode)
	o := transfer.Options{DryRun: c.Bool("dry-run"), NoDocuments: c.Bool("no-documents"), NoCompare: c.Bool("no-compare"), Progress: show}
	r, err := copyTo(c.Context, from, place, o)
	done()
	if err != nil {
		return copyError(c.Context, err)
	}
	if r.Mode == "append" && r.Had == 0 && !r.DryRun {
		e.remark(c, "nobody signs it yet: `auditlog keys rotate --log --ledger %s` records that its organisations do", r.To)
		e.remark(c, "site.key was not copied: put it where records are made, or what is redacted there will not compare with what was")
	}
	return e.result(c, r, func(w io.Writer) error { return printCopy(w, r) })
}

// openFrom opens the ledger of --from, or else the one of every command.
func (e *env) openFrom(c *cli.Context) (*store.Store, error) {
	if c.String("from") == "" {
		return e.openLedger(c, false)
	}
	place, err := cleanPlace(c.String("from"))
	if err != nil {
		return nil, err
	}
	return store.Open(c.Context, place, store.Options{Tell: e.waiting(c)})
}

func copyTo(ctx context.Context, from *store.Store, place string, o transfer.Options) (*transfer.Result, error) {
	if _, ok := store.OnFabric(place); !ok {
		return transfer.Mirror(ctx, from, place, o)
	}
	to, err := store.Open(ctx, place, store.Options{Write: !o.DryRun, Empty: from.Origin})
	if err != nil {
		return nil, err
	}
	r, err := transfer.Append(ctx, from, to, o)
	return r, errors.Join(err, to.Close())
}

// copyError says of an error what to do about it.
func copyError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &clikit.Error{Code: clikit.Interrupted, Err: errors.New("interrupted; what was copied is there"), Hint: "run it again: it goes on where it was"}
	}
	return advise(err, []advice{
		{ledger.ErrRollback, clikit.Findings, "nothing was copied: the source is an old state of the ledger, or one of the two was forked; a bundle or a checkpoint that you have says which"},
		{transfer.ErrAhead, clikit.Findings, "nothing was copied: is it the other way round?"},
		{transfer.ErrDiffers, clikit.Findings, "copy to a place that has nothing yet; if nobody should have appended there, ask who did"},
		{transfer.ErrDocument, clikit.Findings, "restore it from a backup, or leave documents out: --no-documents"},
		{transfer.ErrUnsigned, clikit.Failed, "`auditlog keys rotate --log --ledger fabric:PROFILE.yaml` records that the organisations sign"},
		{store.ErrMirror, clikit.Usage, "a mirror is brought up to date by `auditlog copy`"},
		{ledger.ErrReadOnly, clikit.Failed, "the certificate authority of your organisation gives writers the attribute auditlog.role=writer"},
		{ledger.ErrExists, clikit.Usage, "name a folder that is not there, or a mirror of this ledger"},
		{ledger.ErrConflict, clikit.Findings, "the target has a record with the same id that says something else: it is not a copy"},
	})
}

func (e *env) copyProgress(mode string) (show func(transfer.Progress), done func()) {
	var bar *clikit.Progress
	stage := ""
	words := map[string]string{"documents": "copying documents", "records": "copying", "comparing": "comparing"}
	show = func(p transfer.Progress) {
		if p.Stage != stage {
			if bar != nil {
				bar.Done()
			}
			stage, bar = p.Stage, clikit.NewProgress(e.stderr, mode, words[p.Stage])
		}
		bar.Update(int(p.Done), int(p.Total))
	}
	return show, func() {
		if bar != nil {
			bar.Done()
		}
	}
}

func printCopy(w io.Writer, r *transfer.Result) error {
	var b strings.Builder
	verb := "copied"
	if r.DryRun {
		verb = "would copy"
	}
	fmt.Fprintf(&b, "from       %s\nto         %s\norigin     %s\nsize       %d\nroot       %s\n", printable(r.From), printable(r.To), r.Origin, r.Size, r.Root)
	fmt.Fprintf(&b, "records    %s %d, %d were there\n", verb, r.Copied, r.Had)
	if d := r.Documents; d == nil {
		b.WriteString("documents  left out\n")
	} else {
		fmt.Fprintf(&b, "documents  %s %d, %d were there", verb, d.Copied, d.Had)
		if d.Absent > 0 {
			fmt.Fprintf(&b, "; the source does not have %d", d.Absent)
		}
		b.WriteString("\n")
	}
	switch {
	case r.DryRun:
		b.WriteString("compared   what is there is the beginning of the source; nothing was written\n")
	case r.Compared == r.Size:
		fmt.Fprintf(&b, "compared   %s, byte by byte, and the roots\n", human.Count(int(r.Compared), "record"))
	default:
		b.WriteString("compared   the roots alone\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
