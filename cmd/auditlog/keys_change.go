package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

const exitOfChange = "\n\nExit status: 0 recorded, 1 the ledger is damaged, 2 usage, 3 could not run."

func keysAddCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "let a key sign from here on", ArgsUsage: "[NAME:ROLES=]FILE",
		Description: "FILE is a public key (PEM), or a key file that has one. The record is signed by --key,\n" +
			"which must be admin. A key that may sign already gets the roles given here instead.\n" +
			"Without NAME it is called as its file, without ROLES it has all: " + roleNames() + "." + exitOfChange,
		Flags: append([]cli.Flag{reasonFlag()}, finishFlags()...),
		Action: func(c *cli.Context) error {
			word, err := oneArgument(c, "auditlog keys add alice:approver=alice.pub")
			if err != nil {
				return err
			}
			k, err := publicKeyWord(word)
			if err != nil {
				return err
			}
			return e.changeKeys(c, audit.KeyAdded, func(*session) (*audit.KeyChange, error) {
				return &audit.KeyChange{New: &k, Reason: c.String("reason")}, nil
			})
		},
	}
}

func keysRotateCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "put a key in the place of another", ArgsUsage: "[NAME:ROLES=]FILE",
		Description: "FILE is the new key, public or private. It takes name and roles of the old one, unless\n" +
			"they are given. The old one is --old, else --key itself. What the old key signed stays.\n\n" +
			"--log makes a new key for the checkpoints of the ledger in the place of the present one,\nand takes no FILE. On Fabric the organisations of the profile are the key." + exitOfChange,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "old", Usage: "the key to replace: `KEY` is a name, an id or the beginning of one"},
			&cli.BoolFlag{Name: "log", Usage: "rotate the key of checkpoints"},
			&cli.StringFlag{Name: "log-passphrase", Usage: "encrypt the new key of checkpoints with the passphrase from `SOURCE`, which every later record reads again: file:PATH, env:NAME"},
			reasonFlag(),
		}, finishFlags()...),
		Action: func(c *cli.Context) error {
			if c.Bool("log") {
				return rotateLog(c, e)
			}
			return rotateSigner(c, e)
		},
	}
}

func keysRevokeCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "revoke", Usage: "let a key sign no more", ArgsUsage: "KEY",
		Description: "KEY is a name, an id or the beginning of one. --since takes back what the key has signed\n" +
			"from a record on, for one that was stolen." + exitOfChange,
		Flags: append([]cli.Flag{
			reasonFlag(),
			&cli.Int64Flag{Name: "since", Usage: "do not believe what it signed from record `N` on", Value: -1, DefaultText: "all of that stays believed"},
		}, finishFlags()...),
		Action: func(c *cli.Context) error {
			word, err := oneArgument(c, "auditlog keys revoke alice --reason 'left the company'")
			if err != nil {
				return err
			}
			return e.changeKeys(c, audit.KeyRevoked, func(x *session) (*audit.KeyChange, error) {
				k, err := keyIn(x.ring, x.size, word)
				if err != nil {
					return nil, err
				}
				change := &audit.KeyChange{Old: k.ID, Reason: c.String("reason")}
				if n := c.Int64("since"); n >= 0 {
					change.Since = &n
				} else if c.IsSet("since") {
					return nil, clikit.Usagef("the index of a record", "--since %d is negative", n)
				}
				return change, nil
			})
		},
	}
}

// publicKeyWord reads the key that [NAME:ROLES=]FILE names.
func publicKeyWord(word string) (audit.SignerKey, error) {
	k, file, err := parseKeyWord(word)
	if err != nil {
		return k, err
	}
	public, err := keys.LoadPublic(file)
	if err != nil {
		return k, usageError(err, "`auditlog keys new` writes the public key beside the private one, as FILE.pub")
	}
	return signerKey(k, public), nil
}

// changeKeys records a change of keys.
func (e *env) changeKeys(c *cli.Context, event audit.Event, change func(*session) (*audit.KeyChange, error)) error {
	kind, _ := audit.KindOf(event)
	x, err := e.begin(c, kind)
	if err != nil {
		return err
	}
	defer x.Close()
	p := collect.Begin(x.Origin, event, x.actor)
	if p.Key, err = change(x); err != nil {
		return err
	}
	return e.finish(c, x, p)
}

func rotateSigner(c *cli.Context, e *env) error {
	word, err := oneArgument(c, "auditlog keys rotate new.pem --key old.pem")
	if err != nil {
		return err
	}
	k, err := publicKeyWord(word)
	if err != nil {
		return err
	}
	if c.IsSet("log-passphrase") {
		return clikit.Usagef("it goes with --log", "--log-passphrase says nothing about a signing key")
	}
	return e.changeKeys(c, audit.KeyRotated, func(x *session) (*audit.KeyChange, error) {
		which := c.String("old")
		if which == "" {
			which = x.actor.KeyID
		}
		old, err := keyIn(x.ring, x.size, which)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(word, "=") {
			k.Name, k.Roles = old.Name, old.Roles
		}
		return &audit.KeyChange{Old: old.ID, New: &k, Reason: c.String("reason")}, nil
	})
}

// rotateLog replaces the key of checkpoints. A dry run makes no key.
func rotateLog(c *cli.Context, e *env) error {
	if c.NArg() > 0 || c.IsSet("old") {
		return clikit.Usagef("auditlog keys rotate --log", "--log takes neither a file nor --old: the new key is made")
	}
	place, err := ledgerPlace(c)
	if err != nil {
		return err
	}
	if _, ok := store.OnFabric(place); !ok && c.Bool("dry-run") {
		return clikit.Usagef("leave --dry-run out", "a record that names a new key of the log cannot be shown before the key is made")
	}
	source := c.String("log-passphrase")
	passphrase, err := e.newLogPassphrase(c, source)
	if err != nil {
		return err
	}
	if _, ok := store.OnFabric(place); !ok { // a mirror goes on by itself with the key
		if err := store.TakeOver(place, passphrase, source); err != nil {
			return err
		}
	}
	kind, _ := audit.KindOf(audit.KeyRotated)
	x, err := e.begin(c, kind)
	if err != nil {
		return err
	}
	defer x.Close()
	oldFile := x.LogKey.File
	old, next, err := x.nextLogKey(passphrase, source)
	if err != nil {
		return err
	}
	p := collect.Begin(x.Origin, audit.KeyRotated, x.actor)
	p.Key = &audit.KeyChange{Old: old, Log: next, Reason: c.String("reason")}
	if err := e.finish(c, x, p); err != nil || x.out != "" || x.Fabric() != nil {
		return err
	}
	if oldFile == "" {
		e.remark(c, "the mirror is a ledger of its own now: let nobody record in the one that it was copied from")
		return nil
	}
	e.remark(c, "the old private key is of no use any more: remove %s", filepath.Join(x.Dir(), oldFile))
	return nil
}

// nextLogKey gives the key that signs checkpoints, and the one that is to: in a
// folder a new one, on Fabric that of the organisations of the profile.
func (x *session) nextLogKey(passphrase []byte, source string) (old, next string, err error) {
	if x.Fabric() == nil {
		return x.NextLogKey(passphrase, source)
	}
	if source != "" {
		return "", "", clikit.Usagef("the organisations of the profile sign for it", "--log-passphrase: a ledger on Fabric has no private key of checkpoints")
	}
	old = x.ring.LogKey()
	if next, err = x.NetworkKey(); err != nil {
		return "", "", err
	}
	if next == old {
		return "", "", clikit.Usagef("change `organisations`, `endorsements` or `orderers` in the profile first", "the organisations of the profile sign for this ledger already")
	}
	return old, next, nil
}

// newLogPassphrase reads the passphrase for a key of the log; nil without source.
func (e *env) newLogPassphrase(c *cli.Context, given string) ([]byte, error) {
	if given == "" {
		return nil, nil
	}
	source, err := keys.ParsePassphraseSource(given)
	if err == nil && strings.HasPrefix(given, "fd:") {
		err = errors.New("a descriptor is gone when it is read again")
	}
	if err != nil {
		return nil, usageError(fmt.Errorf("--log-passphrase: %w", err), "such as --log-passphrase env:MY_PASSPHRASE")
	}
	e.warnExposed(source)
	return source.ReadNew(c.Context, "the key of checkpoints")
}
