package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
)

func keysCommand(e *env) *cli.Command {
	c := &cli.Command{
		Name: "keys", Usage: "make, add, rotate, revoke and show keys",
		Description: "Exit status: 0 done, 2 usage, 3 could not run.",
		Subcommands: []*cli.Command{keysNewCommand(e), keysShowCommand(e), keysAddCommand(e), keysRotateCommand(e), keysRevokeCommand(e)},
	}
	c.Action = func(ctx *cli.Context) error { return unknownCommand(ctx, c.Subcommands) }
	return c
}

func keysNewCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "new", Usage: "make a signing key",
		Description: "Writes a private key into a new file of mode 0600: PKCS#8, which `openssl pkey` opens,\n" +
			"encrypted with a passphrase, and its public key beside it as FILE.pub. It never\n" +
			"replaces a file. The file is --key, AUDITLOG_KEY or auditlog/key.pem below the\n" +
			"user's configuration.\n\n" +
			"An encrypted key takes a fraction of a second to open: 600,000 rounds of PBKDF2.\n\n" +
			"Exit status: 0 made, 2 usage, 3 could not be written.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "algorithm", Usage: "`NAME`: " + algorithmNames(), Value: string(keys.Ed25519)},
			&cli.BoolFlag{Name: "no-passphrase", Usage: "do not encrypt the file: for machines that sign without anybody present"},
		},
		Action: func(c *cli.Context) error { return keysNew(c, e) },
	}
}

func keysNew(c *cli.Context, e *env) error {
	if err := flagsOnly(c, "auditlog keys new --key FILE"); err != nil {
		return err
	}
	algorithm := keys.Algorithm(c.String("algorithm"))
	if !slices.Contains(keys.Algorithms, algorithm) {
		return clikit.Usagef("one of "+algorithmNames(), "--algorithm %q is unknown", string(algorithm))
	}
	path, err := keyPath(c)
	if err != nil {
		return err
	}
	var passphrase []byte
	if !c.Bool("no-passphrase") {
		source, err := passphraseSource(c)
		if err != nil {
			return err
		}
		e.warnExposed(source)
		if passphrase, err = source.ReadNew(c.Context, "the new key"); err != nil {
			return usageError(err, "--passphrase file:PATH, fd:N, env:NAME or prompt; --no-passphrase leaves the key as it is")
		}
	} else if c.String("passphrase") != "" {
		return clikit.Usagef("leave one of them out", "both --passphrase and --no-passphrase")
	}
	k, err := keys.Generate(algorithm)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := keys.Create(path, k, passphrase); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return usageError(err, "a key file is never replaced: --key FILE names another")
		}
		return err
	}
	public := path + ".pub"
	if err := durable.WriteFile(public, k.Public().PEM(), 0o644); err != nil {
		return err
	}
	type made struct {
		V         int            `json:"v"`
		ID        string         `json:"keyId"`
		Algorithm keys.Algorithm `json:"algorithm"`
		Private   string         `json:"private"`
		Public    string         `json:"public"`
		Encrypted bool           `json:"encrypted"`
	}
	return e.result(c, made{1, k.Public().ID(), algorithm, path, public, passphrase != nil}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "key      %s\nprivate  %s\npublic   %s\n", k.Public().ID(), path, public)
		return err
	})
}

func algorithmNames() string { return join(keys.Algorithms, ", ") }
