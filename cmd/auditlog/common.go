package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

// sharedFlags stand on every command.
func sharedFlags() []cli.Flag {
	return clikit.Under("Ledger, key and output", []cli.Flag{
		&cli.StringFlag{Name: "ledger", Usage: "the ledger, `DIR|fabric:FILE`: a folder, or a channel of Fabric by its profile (default: AUDITLOG_LEDGER, else .auditlog here or above)"},
		&cli.StringFlag{Name: "key", Usage: "sign with the key in `FILE` (default: AUDITLOG_KEY, else auditlog/key.pem below the user's configuration)"},
		&cli.StringFlag{Name: "passphrase", Usage: "passphrase of the key from `SOURCE`: file:PATH, fd:N, env:NAME, prompt (default: AUDITLOG_PASSPHRASE, else prompt)"},
		&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print no progress and no remarks"},
	})
}

// shareFlags gives every command the shared flags, and its subcommands; one that
// has a flag of that name keeps its own.
func shareFlags(commands []*cli.Command) {
	for _, c := range commands {
		own := map[string]bool{}
		for _, f := range c.Flags {
			own[f.Names()[0]] = true
		}
		for _, f := range sharedFlags() {
			if !own[f.Names()[0]] {
				c.Flags = append(c.Flags, f)
			}
		}
		shareFlags(c.Subcommands)
	}
}

// usageError makes an error of an argument, with a hint.
func usageError(err error, hint string) error {
	return &clikit.Error{Code: clikit.Usage, Err: err, Hint: hint}
}

// flagsOnly refuses arguments, and demands flags.
func flagsOnly(c *cli.Context, example string, must ...string) error {
	if c.NArg() > 0 {
		return clikit.Usagef(example, "unexpected argument %q", c.Args().First())
	}
	for _, flag := range must {
		if c.String(flag) == "" {
			return clikit.Usagef(example, "--%s is missing", flag)
		}
	}
	return nil
}

func oneArgument(c *cli.Context, example string) (string, error) {
	if c.NArg() != 1 {
		return "", clikit.Usagef(example, "want one argument, got %d", c.NArg())
	}
	return c.Args().First(), nil
}

// sayError gives an error the words with which the command ends.
func sayError(err error) error {
	var e *clikit.Error
	if err = explainError(err); !errors.As(err, &e) || e.Err == nil {
		if err == nil || e != nil {
			return err
		}
		e = &clikit.Error{Code: clikit.Failed, Err: err}
	}
	says := strings.ReplaceAll(e.Err.Error(), context.Canceled.Error(), "interrupted")
	return &clikit.Error{Code: e.Code, Err: errors.New(withoutSecrets(says)), Hint: withoutSecrets(e.Hint)}
}

// explainError gives an error of a library the exit status and the hint that
// it deserves, whichever command met it.
func explainError(err error) error {
	var known *clikit.Error
	if errors.As(err, &known); errors.Is(err, syscall.ENOSPC) && (known == nil || known.Code == clikit.Usage) {
		return &clikit.Error{Code: clikit.Failed, Err: err, Hint: "make room and run it again: what was not acknowledged is not recorded (docs/operations.md)"}
	}
	var overtaken *store.Overtaken
	if errors.As(err, &overtaken) {
		return &clikit.Error{Code: clikit.Failed, Err: err, Hint: "nobody believes it there: record the event anew, under another --id, with a key that is trusted"}
	}
	if err == nil || known != nil {
		return err
	}
	said := advise(err, []advice{
		{context.Canceled, clikit.Interrupted, ""},
		{ledger.ErrNoLedger, clikit.Usage, "`auditlog init` makes a ledger; --ledger DIR, --ledger fabric:PROFILE.yaml or AUDITLOG_LEDGER names one"},
		{fabric.ErrNoKey, clikit.Usage, "`organisations` of the profile are those whose peers sign, with the certificates of their authorities: docs/fabric.md"},
		{store.ErrProfile, clikit.Usage, "docs/fabric.md says what a profile must have; `auditlog fabric profile` makes one, --from a connection profile of Fabric"},
		{store.ErrOrigin, clikit.Findings, "if the channel has the right ledger, correct `origin` in the profile; else somebody has made up another one"},
		{store.ErrPartial, clikit.Failed, "run the same `auditlog copy` again: it goes on where it was"},
		{store.ErrNoSiteKey, clikit.Usage, "copy it from the ledger that the mirror was made of, or from a backup of that, with mode 0600: it is what redacted values and hyper-parameters are recorded under"},
		{store.ErrMirror, clikit.Usage, "record in the ledger that it was copied from, and run `auditlog copy` again; or let it go on by itself: `auditlog keys rotate --log` (docs/operations.md, \"Mirrors\")"},
		{store.ErrUnfinished, clikit.Failed, "restore ledger.json from a backup; if the ledger was never in use, remove the folder and run `auditlog init` again"},
		{ledger.ErrRollback, clikit.Findings, "an old copy of the ledger may have been put back: compare it with a bundle or a checkpoint that you have; docs/operations.md, \"Restore\", if it was you"},
		{ledger.ErrCorrupt, clikit.Findings, "`auditlog verify` names every damaged file; restore them from a backup"},
		{ledger.ErrReadOnly, clikit.Failed, "the certificate authority of your organisation issues one with that attribute; to read needs none (docs/fabric.md)"},
		{ledger.ErrConflict, clikit.Failed, "another event needs another --id"},
		{ledger.ErrTooLarge, clikit.Usage, "--data and --output of the folder above say as much as many of what is in it; long texts can be documents (--attach FILE)"},
		{fs.ErrPermission, clikit.Failed, "a ledger is written by one user of the machine; docs/operations.md says how others record through it"},
		{collect.ErrSecret, clikit.Usage, secretHint},
		{audit.ErrInvalid, clikit.Usage, "`auditlog explain EVENT` says what an event must have"},
		{ledger.ErrInvalid, clikit.Usage, ""},
		{keys.ErrPassphraseNeeded, clikit.Usage, "--passphrase file:PATH, fd:N, env:NAME or prompt says where it comes from"},
		{keys.ErrPassphrase, clikit.Usage, ""},
		{keys.ErrExposed, clikit.Usage, "chmod 600 the file, and think about who may have read it"},
		{keys.ErrKeyFile, clikit.Usage, "`auditlog keys new` makes a key; so does `openssl genpkey -algorithm ed25519`"},
		{keys.ErrKeyType, clikit.Usage, "keys are Ed25519 or ECDSA P-256"},
	})
	if hint, ok := fabric.Advice(err); ok && said == err {
		const check = "`auditlog fabric check PROFILE` looks at all that a profile needs"
		switch {
		case hint == "":
			hint = check
		case strings.HasSuffix(hint, "?"):
			hint += " " + check
		default:
			hint += "; " + check
		}
		return &clikit.Error{Code: clikit.Failed, Err: err, Hint: hint}
	}
	return said
}

// An advice is the exit status and the hint that an error deserves.
type advice struct {
	is   error
	code int
	hint string
}

// advise gives an error the first advice that is about it.
func advise(err error, all []advice) error {
	for _, a := range all {
		if errors.Is(err, a.is) {
			return &clikit.Error{Code: a.code, Err: err, Hint: a.hint}
		}
	}
	return err
}

// openLedger opens the ledger that the flags, the environment or the working
// folder name. The caller closes it.
func (e *env) openLedger(c *cli.Context, write bool) (*store.Store, error) {
	place, err := ledgerPlace(c)
	if err != nil {
		return nil, err
	}
	return store.Open(c.Context, place, store.Options{Write: write, Passphrase: e.readPassphrase, Tell: e.waiting(c)})
}

// openToRead is openLedger for reading: eventual is content with what one peer has.
func (e *env) openToRead(c *cli.Context, eventual bool) (*store.Store, error) {
	place, err := ledgerPlace(c)
	if err != nil {
		return nil, err
	}
	return store.Open(c.Context, place, store.Options{Eventual: eventual, Tell: e.waiting(c)})
}

// ledgerPlace gives the place of the ledger, as store.Open takes it.
func ledgerPlace(c *cli.Context) (string, error) {
	if given := cmp.Or(c.String("ledger"), os.Getenv("AUDITLOG_LEDGER")); given != "" {
		return cleanPlace(given)
	}
	return store.Find(".")
}

// cleanPlace gives a place in short.
func cleanPlace(place string) (string, error) {
	profile, ok := store.OnFabric(place)
	switch {
	case !ok:
		if f, err := os.Stat(place); err == nil && f.Mode().IsRegular() {
			return "", clikit.Usagef("if it is a profile of a ledger on Fabric: "+store.FabricPrefix+place, "%q is a file, and not the folder of a ledger", place)
		}
		return filepath.Clean(place), nil
	case profile == "":
		return "", clikit.Usagef("--ledger fabric:PROFILE.yaml; docs/fabric.md says what is in it", "%q names no profile", place)
	}
	return store.FabricPrefix + filepath.Clean(profile), nil
}

// keyPath gives the file of the signing key.
func keyPath(c *cli.Context) (string, error) {
	if given := c.String("key"); given != "" {
		return given, nil
	}
	return defaultKeyPath()
}

func defaultKeyPath() (string, error) {
	if given := os.Getenv("AUDITLOG_KEY"); given != "" {
		return given, nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", usageError(fmt.Errorf("no place for the signing key: %w", err), "--key FILE or AUDITLOG_KEY names one")
	}
	return filepath.Join(config, name, "key.pem"), nil
}

// openKey reads the signing key, asking for its passphrase if it has one.
func (e *env) openKey(c *cli.Context) (*keys.Private, error) {
	path, err := keyPath(c)
	if err != nil {
		return nil, err
	}
	return e.loadKey(c, path)
}

func (e *env) loadKey(c *cli.Context, path string) (*keys.Private, error) {
	k, err := keys.Load(path, func() ([]byte, error) {
		source, err := passphraseSource(c)
		if err != nil {
			return nil, err
		}
		return e.readPassphrase(c.Context, path, source)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError(fmt.Errorf("no signing key: %w", err), "`auditlog keys new` makes one; --key FILE or AUDITLOG_KEY names another")
	}
	return k, err
}

// passphraseSource says where the passphrase of a key comes from.
func passphraseSource(c *cli.Context) (keys.PassphraseSource, error) {
	given, from := c.String("passphrase"), "--passphrase"
	if given == "" {
		given, from = os.Getenv("AUDITLOG_PASSPHRASE"), "AUDITLOG_PASSPHRASE"
	}
	if given == "" {
		given = "prompt"
	}
	source, err := keys.ParsePassphraseSource(given)
	if err != nil {
		return source, usageError(fmt.Errorf("%s: %w", from, err), "such as --passphrase env:MY_PASSPHRASE")
	}
	return source, nil
}

// readPassphrase reads a passphrase for a file.
func (e *env) readPassphrase(ctx context.Context, file string, source keys.PassphraseSource) ([]byte, error) {
	e.warnExposed(source)
	passphrase, err := source.Read(ctx, file)
	if err != nil && ctx.Err() == nil {
		return nil, usageError(err, "--passphrase file:PATH, fd:N or env:NAME says where it is; so does AUDITLOG_PASSPHRASE")
	}
	return passphrase, err
}

func (e *env) warnExposed(source keys.PassphraseSource) {
	if mode, ok := source.Exposed(); ok {
		fmt.Fprintf(e.stderr, "%s: warning: the file of passphrase %s can be read by others (mode %04o)\n", name, source, mode)
	}
}

// remark says something on stderr that is not a result.
func (e *env) remark(c *cli.Context, format string, args ...any) {
	if c.Bool("quiet") {
		return
	}
	text := fmt.Sprintf(format, args...)
	if redact.HasToken(text) {
		text = withoutSecrets(text)
	}
	fmt.Fprintf(e.stderr, "%s: %s\n", name, printable(strings.ReplaceAll(text, "\n", "; ")))
}

// patience is how long nothing is said of a network that does not answer, and
// again how long after it was said.
const patience, againAfter = 3 * time.Second, 30 * time.Second

// waiting gives what tells on stderr that a network is still waited for, and why:
// a record may take as long as the profile lets it.
func (e *env) waiting(c *cli.Context) func(waited time.Duration, why error) {
	var mu sync.Mutex // guards next
	var next time.Time
	return func(waited time.Duration, why error) {
		mu.Lock()
		defer mu.Unlock()
		if waited < patience || time.Now().Before(next) {
			return
		}
		next = time.Now().Add(againAfter)
		e.remark(c, "still waiting for the network, after %v: %v", waited.Round(time.Second), why)
	}
}

// withoutSecrets takes out of a message what looks like a secret: what was given
// as an argument by mistake must not end in the log of a CI job.
func withoutSecrets(text string) string {
	r, err := redact.New(nil)
	if err != nil {
		return err.Error()
	}
	text, _ = r.Text(text)
	return text
}

// result prints what a command found: v as one document of JSON with --json,
// else text.
func (e *env) result(c *cli.Context, v any, text func(io.Writer) error) error {
	if !c.Bool("json") {
		return text(e.stdout)
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printable keeps names in a ledger, which others wrote, from steering the
// terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// readFile reads a file, up to a limit.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// join is strings.Join for names of every kind.
func join[S ~string](names []S, separator string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(string(n))
	}
	return b.String()
}
