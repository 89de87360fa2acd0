package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/job"
	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

// execParts are the parts of `record` whose flags exec has too.
var execParts = []string{"modelId", "runId", "data", "params", "toolchain", "outputs", "labels", "note", "retention"}

func execCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "exec", Usage: "run a training command and record its run", ArgsUsage: "-- COMMAND [ARGUMENT...]",
		Description: "Records train.started with data, hyper-parameters and toolchain, runs the command, records\n" +
			"a heartbeat now and then, and at the end train.finished, train.failed or train.aborted with\n" +
			"exit status, the libraries that the processes really loaded, and the artefacts (--output).\n" +
			"The command has this one's terminal, files and signals, and the variables AUDITLOG_RUN and\n" +
			"AUDITLOG_LEDGER. If the start cannot be recorded the command is not started.\n\n" +
			"Exit status: that of the command, 128+N if signal N ended it, 127 or 126 if it cannot be\n" +
			"started. Before it starts: 1 the ledger is damaged, 2 usage, 3 the start could not be recorded,\n" +
			"130 interrupted. After it ended with 0: 3 its end could not be recorded.",
		Flags:  execFlags(),
		Action: func(c *cli.Context) error { return execAction(c, e) },
	}
}

func execFlags() []cli.Flag {
	var all []cli.Flag
	for _, p := range parts() {
		if slices.Contains(execParts, p.member) {
			all = append(all, clikit.Under(p.heading, p.flags)...)
		}
	}
	all = slices.DeleteFunc(all, func(f cli.Flag) bool {
		return slices.Contains([]string{"pid", "toolchain", "reason", "hook"}, f.Names()[0])
	})
	all = append(all, clikit.Under("Hyper-parameters", []cli.Flag{
		&cli.StringSliceFlag{Name: "hook", Usage: "when the command has ended, hyper-parameters that the trainer used, from `FILE` that a hook dumped (docs/formats.md); repeatable"},
	})...)
	all = append(all, clikit.Under("Data", append(hashFlags(),
		&cli.BoolFlag{Name: "recheck-data", Usage: "fingerprint the data again when the command has ended"}))...)
	return append(all, clikit.Under("Recording", []cli.Flag{
		&cli.DurationFlag{Name: "heartbeat", Usage: "record a sign of life every `TIME`; 0 never", Value: 10 * time.Minute},
		&cli.BoolFlag{Name: "allow-unrecorded", Usage: "start the command even if its start cannot be recorded"},
		&cli.StringFlag{Name: "actor", Usage: "who says so, a `NAME` for people (default: AUDITLOG_ACTOR, else the name of the key)"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the statement of train.started, and do nothing"},
		&cli.BoolFlag{Name: "json", Usage: "say what was recorded as lines of JSON, on stderr"},
	})...)
}

// An execution is a command that is run and recorded.
type execution struct {
	*env
	*session
	c       *cli.Context
	argv    []string
	run     string
	digests *toolchain.Digests // of the libraries that the command maps
	// gaps are what went wrong on the way; the end says it.
	gaps []audit.Gap
}

func execAction(c *cli.Context, e *env) error {
	x := &execution{env: e, c: c, argv: c.Args().Slice(), run: c.String("run")}
	if err := x.check(); err != nil {
		return err
	}
	err := x.start()
	switch {
	case c.Bool("dry-run"):
		return err
	case err == nil:
		defer x.session.Close()
		return x.train()
	case !c.Bool("allow-unrecorded") || errors.Is(err, context.Canceled):
		return x.notStarted(err)
	}
	x.remark(c, "warning: this run is NOT recorded: %v", err)
	result, err := job.Run(c.Context, job.Options{
		Argv: x.argv, Stdin: e.stdin, Stdout: e.stdout, Stderr: e.stderr, PollLibraries: -1,
	})
	if err != nil {
		return startError(err)
	}
	return exit(result.Code())
}

// notStarted says what became of a start that the ledger has not acknowledged: on
// Fabric it may be there all the same.
func (x *execution) notStarted(err error) error {
	var not *unrecorded
	if !errors.As(err, &not) || x.session == nil || x.session.Fabric() == nil || !unsure(err) {
		return err
	}
	said := &clikit.Error{Code: clikit.Failed, Err: fmt.Errorf("the command was not started: the ledger has not acknowledged its start: %w", err)}
	if errors.Is(err, context.Canceled) {
		said.Code = clikit.Interrupted
	}
	said.Hint = fmt.Sprintf("the start may be there all the same (`auditlog query --run %s`): give the next attempt another --run", x.run)
	return said
}

// check finds what is wrong with the command line before anything is hashed.
func (x *execution) check() error {
	if len(x.argv) == 0 {
		return clikit.Usagef("auditlog exec --model M --version V --data DIR --params FILE -- python train.py", "no command given")
	}
	for _, must := range []string{"model", "version", "data"} {
		if !x.c.IsSet(must) {
			return clikit.Usagef("auditlog exec --model M --version V --data DIR --params FILE -- python train.py", "exec needs --%s", must)
		}
	}
	if !x.c.IsSet("params") && !x.c.IsSet("param") && !x.c.IsSet("hook") {
		return clikit.Usagef("--params FILE, --param K=V, or --hook FILE if the trainer dumps what it used", "exec needs hyper-parameters")
	}
	if x.c.Duration("heartbeat") < 0 {
		return clikit.Usagef("0 records none", "--heartbeat %s is negative", x.c.Duration("heartbeat"))
	}
	for _, path := range slices.Concat(x.c.StringSlice("output"), x.c.StringSlice("hook")) {
		if redact.HasToken(path) { // at the end it would be too late
			return usageError(collect.ErrSecret, "the path of an output or a hook's dump is recorded as it is: choose another")
		}
	}
	if _, err := job.Find(x.argv[0], "", nil); err != nil {
		return startError(err)
	}
	if x.run == "" {
		x.run = newRun(time.Now())
	}
	x.warnOfRank()
	return nil
}

// forgotDashes refuses `auditlog exec … python train.py --model x` without the
// "--" in front of python: the flags of the command would be taken for those of
// exec, and the command would run without them.
func forgotDashes(app *cli.App, args []string) error {
	if slices.Contains(args, "--") || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		return nil
	}
	flags := allFlags(app)
	for i, word := range args {
		_, before, open := clikit.Separate(flags, args[:i])
		if !open && len(before) > 1 && before[0] == "exec" && strings.HasPrefix(word, "-") {
			return clikit.Usagef("auditlog exec --model M --version V --data DIR --params FILE -- python train.py",
				"%s after the command %q: the command stands after --, so that its flags are told from those of exec", word, before[1])
		}
	}
	return nil
}

// warnOfRank says that exec belongs around the launcher: a run that each rank
// records has as many beginnings and ends as ranks.
func (x *execution) warnOfRank() {
	for _, v := range []string{"RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"} {
		if n, err := strconv.Atoi(os.Getenv(v)); err == nil && n > 0 {
			x.remark(x.c, "warning: this is rank %d (%s): put auditlog exec around the launcher (srun, torchrun), once for all ranks", n, v)
			return
		}
	}
}

// newRun makes an id that sorts by time and that no other run has.
func newRun(t time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return t.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// startError gives a command that cannot be started the status that shells
// have for it.
func startError(err error) error {
	var start *job.StartError
	if errors.As(err, &start) {
		return &clikit.Error{Code: start.Code(), Err: err, Hint: "the command follows --, as in: auditlog exec … -- python train.py"}
	}
	return err
}

// exit ends this process as the command ended, without a word.
func exit(code int) error {
	if code == 0 {
		return nil
	}
	return &clikit.Error{Code: code}
}

// start records train.started. Until then an interrupt ends it.
func (x *execution) start() (err error) {
	ctx, stop := signal.NotifyContext(x.c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	kind, _ := audit.KindOf(audit.TrainStarted)
	if x.session, err = x.begin(x.within(ctx), kind); err != nil {
		return err
	}
	d, err := x.draftOf(ctx, kind.Event)
	if err == nil {
		err = x.fillStart(d)
	}
	switch {
	case err != nil:
	case x.dry:
		if err = collect.Redact(d.p, d.SiteKey); err == nil {
			err = x.fit(ctx, d.p)
		}
		if err == nil {
			err = x.show(x.c, d.p)
		}
	default:
		err = x.record(d)
	}
	if err != nil || x.dry {
		x.session.Close()
	}
	return err
}

// within gives the command line with another context.
func (x *execution) within(ctx context.Context) *cli.Context {
	c := *x.c
	c.Context = ctx
	return &c
}

// draftOf begins a record of the run.
func (x *execution) draftOf(ctx context.Context, event audit.Event) (*draft, error) {
	kind, _ := audit.KindOf(event)
	d, err := x.draft(x.env, x.within(ctx), kind)
	if err != nil {
		return nil, err
	}
	d.p.Model, d.p.Version, d.p.Run = x.c.String("model"), x.c.String("version"), x.run
	return d, nil
}

func (x *execution) fillStart(d *draft) error {
	d.p.Process = &audit.Process{Argv: slices.Clone(x.argv)}
	for _, fill := range []func(*draft) error{fillLabels, fillNote, x.fillRetention, x.fillParams, fillToolchain, fillData} {
		if err := fill(d); err != nil {
			return err
		}
	}
	return nil
}

func (x *execution) fillRetention(d *draft) error {
	if x.c.IsSet("retention") || x.c.IsSet("hold") {
		return fillRetention(d)
	}
	return nil
}

// fillParams takes what is known before the command runs.
func (x *execution) fillParams(d *draft) error {
	if err := d.params(x.c.StringSlice("params"), nil, x.c.StringSlice("param")); err != nil {
		return err
	}
	if x.c.IsSet("hook") && !x.c.IsSet("params") && !x.c.IsSet("param") {
		d.p.Gaps = append(d.p.Gaps, audit.Gap{What: "params", Reason: "the trainer says at the end what it used"})
	}
	return nil
}

// record redacts, signs and appends.
func (x *execution) record(d *draft) error {
	if d.p.Event != audit.TrainHeartbeat {
		var err error
		if d.p.Prev, err = prev(d.c.Context, x.Store, d.p); err != nil {
			// If the ledger cannot be read, appending fails as well, and what
			// cannot be appended now is appended later.
			d.p.Gaps = append(d.p.Gaps, gapOf("prev", err))
		}
	}
	if err := collect.Redact(d.p, d.SiteKey); err != nil {
		return usageError(err, secretHint)
	}
	if err := x.fit(context.WithoutCancel(d.c.Context), d.p); err != nil {
		if !d.p.Event.EndsRun() {
			return err
		}
		x.remark(x.c, "warning: %v", err)
	}
	sealed, err := audit.Seal(d.p, x.signer)
	if err != nil {
		return err
	}
	record, err := audit.Open(sealed)
	if err != nil {
		return err
	}
	// A run that nobody would believe is not begun, and a key that was revoked
	// meanwhile does not end one.
	receipt, err := x.AppendIf(d.c.Context, sealed, believed(x.ring, x.size, record))
	var overtaken *store.Overtaken
	if errors.As(err, &overtaken) {
		return err
	} else if err != nil {
		return &unrecorded{sealed, err}
	}
	if d.p.Event.EndsRun() {
		x.cosign(d.c, x.Store)
	}
	if d.p.Event != audit.TrainHeartbeat {
		return x.say(d.p.Event, receipt.Index, sealed)
	}
	return nil
}

// say tells of a record; with --json as a line of JSON on stderr, because stdout
// is the command's.
func (x *execution) say(event audit.Event, index int64, record []byte) error {
	if !x.c.Bool("json") {
		x.remark(x.c, "%s of run %s is record %d", event, x.run, index)
		return nil
	}
	return json.NewEncoder(x.stderr).Encode(struct {
		V      int         `json:"v"`
		Run    string      `json:"runId"`
		Event  audit.Event `json:"event"`
		Index  int64       `json:"index,string"`
		Digest string      `json:"sha3_512"`
	}{1, x.run, event, index, audit.DigestOf(record)})
}

// unrecorded is a signed record that the ledger did not take.
type unrecorded struct {
	record []byte
	err    error
}

func (u *unrecorded) Error() string { return u.err.Error() }
func (u *unrecorded) Unwrap() error { return u.err }

// tell says why the end of the run was not recorded, where the status is that of
// the command.
func (x *execution) tell(err error) {
	var said *clikit.Error
	if !errors.As(err, &said) {
		said = &clikit.Error{Err: fmt.Errorf("the end of run %s was not recorded: %w", x.run, err)}
	}
	x.remark(x.c, "error: %v", said.Err)
	if said.Hint != "" {
		x.remark(x.c, "hint: %s", said.Hint)
	}
}

// train runs the command and records its end.
func (x *execution) train() error {
	place, err := x.AbsPlace()
	if err != nil {
		return err
	}
	var save func()
	x.digests, save = x.libraryDigests(x.c)
	defer save()
	result, err := job.Run(x.c.Context, job.Options{
		Argv: x.argv, Stdin: x.stdin, Stdout: x.stdout, Stderr: x.stderr,
		Env:       append(os.Environ(), "AUDITLOG_RUN="+x.run, "AUDITLOG_LEDGER="+place),
		Heartbeat: x.c.Duration("heartbeat"),
		OnHeartbeat: func(ctx context.Context, b job.Beat) {
			if err := x.beat(ctx, b); err != nil {
				x.gaps = append(x.gaps, gapOf(fmt.Sprintf("heartbeat %d", b.Number), err))
				x.remark(x.c, "warning: heartbeat %d was not recorded: %v", b.Number, err)
			}
		},
		Digests: x.digests,
	})
	if err != nil {
		// It was there a moment ago: the run has begun, so its end is recorded.
		result = &job.Result{Outcome: job.Failed, Exit: 1, Ended: time.Now()}
		x.gaps = append(x.gaps, gapOf("process", err))
		if failed := x.end(result); failed != nil {
			x.remark(x.c, "warning: the end of the run was not recorded: %v", failed)
		}
		return startError(err)
	}
	if err := x.end(result); err != nil {
		if result.Code() != 0 {
			x.tell(err)
			return exit(result.Code())
		}
		return err
	}
	return exit(result.Code())
}
