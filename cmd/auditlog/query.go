package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/ledger"
)

func queryCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "query", Usage: "ask for the life of a version, or who was trained with what",
		Description: "The life of a version with what is missing or out of order, the versions of a model, a\n" +
			"run, what changed between two versions; and the other way round:\n\n" + questionList() + "\n" +
			"An answer names records by their index; --proof adds what proves that they are in the\n" +
			"ledger. --at asks about the past, by the claims of the records. `auditlog verify` verifies\n" +
			"the index by which records are found.\n\n" +
			"Exit status: 0 answered; 1 a life has errors, a record is not to be believed, or something\n" +
			"could not be told (--exit-zero: 0); 2 usage, or there is no such thing; 3 could not run.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model's `NAME`"},
			&cli.StringFlag{Name: "version", Usage: "the version `V` of the model"},
			&cli.StringFlag{Name: "at", Usage: "as it was at `TIME|SIZE`: when records claimed no later time, or when there were so many records; a date alone is its first moment, in UTC"},
			&cli.StringFlag{Name: "consistency", Usage: "`LEVEL`: linearizable, all that was acknowledged before; or eventual, what one peer has, without waiting for others. The same in a folder", Value: "linearizable"},
			&cli.StringFlag{Name: "format", Usage: "`FORM`: text, json, or html of a version or --diff", Value: "text"},
			&cli.BoolFlag{Name: "proof", Usage: "prove each record of the answer against the signed head of the ledger"},
			&cli.BoolFlag{Name: "overlaps", Usage: "compare the files of training and test data too"},
			&cli.DurationFlag{Name: "silence", Usage: "how long a run may say nothing, `TIME`", Value: time.Hour},
			&cli.BoolFlag{Name: "heartbeats", Usage: "with --since: list heartbeats too"},
			langFlag(),
			&cli.BoolFlag{Name: "exit-zero", Usage: "exit with 0 whatever the answer is"},
		}, questionFlags()...),
		Action: func(c *cli.Context) error { return queryAction(c, e) },
	}
}

// An asking is a question with what answers it.
type asking struct {
	*cli.Context
	*query.View
	s     *store.Store
	o     query.Options
	word  string // value of the flag
	model string
	of    string // version
}

// A question is a flag and who answers it. Without such a flag, the question is
// about a model or a version.
type question struct {
	flag, usage string
	narrow      bool // --model and --version may narrow it down
	ask         func(*asking) (any, error)
}

func questions() []question {
	return []question{
		{"run", "what there is of the run with `ID`", true, askRun},
		{"diff", "what changed from the version `V1` of --model to V2: --diff V1 V2", true, askDiff},
		{"trained-on", "what was trained on the data set with `DIGEST`, of its tree, contents or manifest", true, askTrainedOn},
		{"with-driver", "what was trained with the GPU driver `V`, such as 535.*", true, askTool("driver")},
		{"with-cuda", "what was trained with CUDA `V`, such as 12.4", true, askTool("cuda")},
		{"with", "what was trained with `NAME=V`, such as cudnn=9.1 or torch=2.4", true, askWith},
		{"contains-file", "which data sets hold `FILE`, by its content; or sha3-512:HEX, or path:PATH below a data set", true, askFile},
		{"named", "which records name `FILE`, by its content, or sha3-512:HEX", true, askNamed},
		{"device", "what ran on the device, or type of device, `D`", false, askDevice},
		{"since", "what was recorded from `TIME|INDEX` on", true, askSince},
	}
}

func questionList() string {
	var b strings.Builder
	for _, q := range questions() {
		fmt.Fprintf(&b, "  --%-14s %s\n", q.flag, strings.ReplaceAll(q.usage, "`", ""))
	}
	return b.String()
}

func questionFlags() []cli.Flag {
	var all []cli.Flag
	for _, q := range questions() {
		all = append(all, &cli.StringFlag{Name: q.flag, Usage: q.usage})
	}
	return all
}

func queryAction(c *cli.Context, e *env) error {
	q, err := questionOf(c)
	if err != nil {
		return err
	}
	format := c.String("format")
	if c.Bool("json") && !c.IsSet("format") {
		format = "json"
	}
	if !slices.Contains([]string{"text", "json", "html"}, format) {
		return clikit.Usagef("one of text, json, html", "--format %q is unknown", format)
	}
	level := c.String("consistency")
	switch {
	case level == "snapshot":
		return clikit.Usagef("--at SIZE asks of the snapshot of that size", "--consistency snapshot is --at")
	case level != "linearizable" && level != "eventual":
		return clikit.Usagef("linearizable or eventual", "--consistency %q is unknown", level)
	}
	s, err := e.openToRead(c, level == "eventual")
	if err != nil {
		return err
	}
	defer s.Close()
	a := &asking{Context: c, s: s, word: c.String(q.flag), model: c.String("model"), of: c.String("version")}
	if a.o, err = queryOptions(c, s); err != nil {
		return err
	}
	if a.View, err = query.Open(c.Context, s.Log, a.o); err != nil {
		return queryError(a, err)
	}
	if c.Bool("proof") {
		if a.Head, _, err = signed(c, s, a.Head); err != nil {
			return err
		}
	}
	answer, err := q.ask(a)
	if err != nil {
		return queryError(a, err)
	}
	if err := e.printAnswer(a, format, answer); err != nil {
		return err
	}
	if said := against(answer); said != "" && !c.Bool("exit-zero") {
		return &clikit.Error{Code: clikit.Findings, Err: errors.New(said)}
	}
	return nil
}

// questionOf finds the one question that is asked.
func questionOf(c *cli.Context) (question, error) {
	asked := question{ask: askVersion, narrow: true}
	for _, q := range questions() {
		if !c.IsSet(q.flag) {
			continue
		}
		if asked.flag != "" {
			return q, clikit.Usagef("ask one after the other", "both --%s and --%s", asked.flag, q.flag)
		}
		asked = q
		if c.String(q.flag) == "" {
			return q, clikit.Usagef(strings.ReplaceAll(q.usage, "`", ""), "--%s is empty", q.flag)
		}
	}
	model, version := c.String("model"), c.String("version")
	switch extra := c.NArg(); {
	case asked.flag == "diff" && extra != 1:
		return asked, clikit.Usagef("auditlog query --model M --diff V1 V2", "--diff wants two versions")
	case asked.flag != "diff" && extra > 0:
		return asked, clikit.Usagef("auditlog query --model M --version V", "unexpected argument %q", c.Args().First())
	case asked.flag == "diff" && (model == "" || version != ""):
		return asked, clikit.Usagef("auditlog query --model M --diff V1 V2", "--diff wants --model, and no --version")
	case version != "" && model == "":
		return asked, clikit.Usagef("give --model too", "--version %q is of no model", version)
	case !asked.narrow && model != "":
		return asked, clikit.Usagef("leave --model out", "--%s is not about a model", asked.flag)
	case asked.flag == "" && model == "":
		return asked, clikit.Usagef("auditlog query --model M --version V", "nothing is asked")
	case c.Bool("heartbeats") && asked.flag != "since":
		return asked, clikit.Usagef("auditlog query --since 0 --heartbeats", "--heartbeats goes with --since")
	}
	return asked, nil
}

// queryOptions reads the flags that all questions have.
func queryOptions(c *cli.Context, s *store.Store) (query.Options, error) {
	o := query.Options{Documents: s.Blobs, Overlaps: c.Bool("overlaps"), Silence: c.Duration("silence"), Now: time.Now()}
	if c.IsSet("at") {
		size, at, err := sizeOrTime("at", c.String("at"))
		if err != nil {
			return o, err
		}
		if at.IsZero() && size == 0 {
			return o, clikit.Usagef("such as --at 12 or --at 2027-01-31T00:00:00Z", "--at 0: there was nothing then")
		}
		o.Size, o.At, o.Now = size, at, at
	}
	return o, nil
}

// sizeOrTime reads a number of records, or a time.
func sizeOrTime(flag, word string) (int64, time.Time, error) {
	if n, err := strconv.ParseInt(word, 10, 64); err == nil && n >= 0 {
		return n, time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, word); err == nil {
			return 0, t, nil
		}
	}
	return 0, time.Time{}, clikit.Usagef("such as --"+flag+" 12, 2027-01-31 or 2027-01-31T12:00:00Z", "--%s %q is neither a number of records nor a time", flag, word)
}

// queryError says what there is in place of what was asked for.
func queryError(a *asking, err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return usageError(err, "`auditlog status` says how many records there are")
	case !errors.Is(err, query.ErrNone):
		return err
	}
	hint := "`auditlog query --since 0` lists all that was recorded"
	if at := a.Context.String("at"); at != "" {
		err = fmt.Errorf("%w as of %s", err, at)
		hint = "without --at, of now; " + hint
	}
	models, versions := a.names()
	if near := suggest.Nearest(a.of, versions); a.of != "" && len(versions) > 0 {
		hint = fmt.Sprintf("did you mean --version %s?", near)
		if near == "" {
			hint = "there are " + strings.Join(versions[:min(len(versions), 10)], ", ")
		}
	} else if near := suggest.Nearest(a.model, models); a.model != "" && near != "" {
		hint = fmt.Sprintf("did you mean --model %s?", near)
	} else if a.model != "" && len(models) > 0 {
		hint = "there are " + strings.Join(models[:min(len(models), 10)], ", ")
	}
	return usageError(err, printable(hint))
}

// maxLooked is how many records are looked through for names that are like one
// that does not exist.
const maxLooked = 20000

// names lists the newest models and, of the model that was asked for, versions.
func (a *asking) names() (models, versions []string) {
	if a.View == nil {
		return nil, nil
	}
	for hit, err := range a.Since(a.Context.Context, max(0, a.Size-maxLooked), false) {
		if err != nil {
			break
		}
		if hit.Model != "" && !slices.Contains(models, hit.Model) {
			models = append(models, hit.Model)
		}
		if hit.Model == a.model && hit.Version != "" && !slices.Contains(versions, hit.Version) {
			versions = append(versions, hit.Version)
		}
	}
	return models, versions
}

func askVersion(a *asking) (any, error) {
	if a.of == "" {
		return a.Model(a.Context.Context, a.model)
	}
	return a.Version(a.Context.Context, a.model, a.of)
}

func askRun(a *asking) (any, error) {
	runs, err := a.View.Run(a.Context.Context, a.word)
	if err != nil || a.model == "" {
		return runs, err
	}
	runs.Runs = slices.DeleteFunc(runs.Runs, func(r query.Run) bool { return r.Model != a.model || a.of != "" && r.Version != a.of })
	if len(runs.Runs) == 0 {
		return nil, fmt.Errorf("run %q of %s: %w", a.word, strings.TrimSpace(a.model+" "+a.of), query.ErrNone)
	}
	return runs, nil
}

func askDiff(a *asking) (any, error) {
	var sides [2]*lifecycle.Timeline
	for i, version := range []string{a.word, a.Args().First()} {
		a.of = version // for what is said if there is none
		var err error
		if sides[i], err = a.Version(a.Context.Context, a.model, version); err != nil {
			return nil, err
		}
	}
	d := lifecycle.Diff(sides[0], sides[1], a.s.Blobs)
	d.Ledger = a.Snapshot()
	return d, nil
}

func askTrainedOn(a *asking) (any, error) {
	digest := strings.TrimPrefix(strings.TrimPrefix(a.word, "sha3-512:"), "sha3_512:")
	if !isHex(digest, 64) {
		return nil, clikit.Usagef("`auditlog fingerprint DIR` prints them: tree, content, manifest", "--trained-on %.40q is not 128 digits of hexadecimal", a.word)
	}
	return a.narrowed(a.TrainedOn(a.Context.Context, digest))
}

func isHex(s string, size int) bool {
	return len(s) == 2*size && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func askTool(tool string) func(*asking) (any, error) {
	return func(a *asking) (any, error) { return a.narrowed(a.With(a.Context.Context, tool, a.word)) }
}

func askWith(a *asking) (any, error) {
	tool, version, ok := strings.Cut(a.word, "=")
	if !ok || tool == "" || version == "" {
		return nil, clikit.Usagef("such as --with cudnn=9.1", "--with %q: want NAME=VERSION", a.word)
	}
	hits, err := a.With(a.Context.Context, tool, version)
	if err == nil && len(hits.Hits) == 0 && !slices.Contains(toolchain.Tools(), tool) {
		// Never "0 records" for what is not looked up by: a slip would read as an all-clear.
		return nil, clikit.Usagef("one of "+strings.Join(toolchain.Tools(), ", ")+"; other packages are in the toolchain reports of a bundle",
			"--with %q: records are not found by the version of that", tool)
	}
	return a.narrowed(hits, err)
}

func askNamed(a *asking) (any, error) {
	f, err := a.file()
	if err != nil {
		return nil, err
	}
	if f.Digest == "" {
		return nil, clikit.Usagef("FILE, or sha3-512:HEX", "--named knows no paths")
	}
	return a.narrowed(a.Named(a.Context.Context, f.Digest))
}

func askFile(a *asking) (any, error) {
	f, err := a.file()
	if err != nil {
		return nil, err
	}
	if a.model != "" && a.of == "" {
		return nil, clikit.Usagef("give --version too, or leave --model out", "--contains-file is asked of a version, or of all data sets")
	}
	return a.ContainsFile(a.Context.Context, f, a.model, a.of)
}

// file reads sha3-512:HEX, path:PATH, or the file of that name.
func (a *asking) file() (query.File, error) {
	kind, rest, _ := strings.Cut(a.word, ":")
	switch kind {
	case "sha3-512", "sha3_512":
		if !isHex(rest, 64) {
			return query.File{}, clikit.Usagef("`openssl dgst -sha3-512 FILE` prints it", "%.40q is not 128 digits of hexadecimal", rest)
		}
		return query.File{Digest: strings.ToLower(rest)}, nil
	case "path":
		return query.File{Path: strings.TrimPrefix(rest, "./")}, nil
	}
	digest, err := hashed(a.Context.Context, a.word)
	if err != nil {
		return query.File{}, usageError(err, "FILE, sha3-512:HEX, or path:PATH for a name in data sets")
	}
	return query.File{Digest: digest.SHA3_512.String()}, nil
}

func askDevice(a *asking) (any, error) { return a.Device(a.Context.Context, a.word) }

func askSince(a *asking) (any, error) {
	from, at, err := sizeOrTime("since", a.word)
	if err != nil {
		return nil, err
	}
	if !at.IsZero() {
		o := a.o
		o.At = at.Add(-1) // what claims the time itself is since then
		before, err := query.Open(a.Context.Context, a.s.Log, o)
		if err != nil {
			return nil, err
		}
		from = before.Size
	}
	hits := &query.Hits{V: 1, Ledger: a.Snapshot(), Asked: "since " + a.word, Hits: []query.Hit{}}
	for hit, err := range a.Since(a.Context.Context, min(from, a.Size), a.Bool("heartbeats")) {
		if err != nil {
			return nil, err
		}
		hits.Hits = append(hits.Hits, hit)
	}
	return a.narrowed(hits, nil)
}

// narrowed keeps the records of --model and --version.
func (a *asking) narrowed(h *query.Hits, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	h.Hits = slices.DeleteFunc(h.Hits, func(x query.Hit) bool {
		return a.model != "" && x.Model != a.model || a.of != "" && x.Version != a.of
	})
	return h, nil
}

// against says what in an answer is not as it should be.
func against(answer any) string {
	errs, faults, unknown := 0, 0, 0
	count := func(hits []query.Hit) {
		for _, h := range hits {
			faults += min(len(h.Faults), 1)
		}
	}
	switch a := answer.(type) {
	case *lifecycle.Timeline:
		errs = a.Counts.Errors
	case *query.Model:
		for _, v := range a.Versions {
			errs += v.Counts.Errors
		}
	case *query.Runs:
		for _, r := range a.Runs {
			errs += r.Counts.Errors
		}
	case *query.Hits:
		count(a.Hits)
	case *query.Devices:
		count(a.Faults)
	case *query.FileAnswer:
		unknown = a.Unknown()
	case *lifecycle.Difference:
		unknown = len(a.Unknown)
	}
	var said []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{errs, "the life has errors: %d"},
		{faults, "records that are not to be believed: %d"},
		{unknown, "could not be told, as the answer says: %d"},
	} {
		if x.n > 0 {
			said = append(said, fmt.Sprintf(x.what, x.n))
		}
	}
	return strings.Join(said, "; ")
}

// printAnswer prints an answer, with its proofs if they are asked for.
func (e *env) printAnswer(a *asking, format string, answer any) error {
	if format == "html" {
		lang, err := pageLang(a.Context)
		if err != nil {
			return err
		}
		if a.Bool("proof") {
			return clikit.Usagef("`auditlog bundle --html` makes one with proofs", "--proof goes with text and json")
		}
		return writePage(e.stdout, a.s, answer, lang)
	}
	var proofs *proven
	if a.Bool("proof") {
		var err error
		if proofs, err = a.prove(answer); err != nil {
			return err
		}
	}
	if format == "json" {
		if proofs != nil {
			proofs.Answer, answer = answer, proofs
		}
		return query.JSON(e.stdout, answer)
	}
	color := clikit.IsTerminal(e.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if err := query.Text(e.stdout, answer, query.TextOptions{Color: color, Hints: !a.Bool("quiet")}); err != nil || proofs == nil {
		return err
	}
	return proofs.print(e.stdout)
}
