package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

func fabricProfileCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "profile", Usage: "print a profile to fill in",
		Description: "Prints every member of a profile (schemas/fabric.schema.json) with what it means.\n" +
			"--from fills in what the connection profile of an organisation knows: its MSP id, the\n" +
			"peers, and the certificates that vouch for them, which are written beside -o.\n\n" +
			"`auditlog fabric check PROFILE` says whether it works.\n\n" +
			"Exit status: 0 printed, 2 usage, 3 could not be written.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "a connection profile of Fabric, `FILE` (connection-org1.json or .yaml), that of your organisation first; repeat"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the profile to `FILE`, such as audit.yaml"},
		},
		Action: func(c *cli.Context) error { return fabricProfile(c, e) },
	}
}

func fabricProfile(c *cli.Context, e *env) error {
	const example = "auditlog fabric profile --from connection-org1.yaml -o audit.yaml"
	if err := flagsOnly(c, example); err != nil {
		return err
	}
	out := c.String("out")
	if len(c.StringSlice("from")) > 0 && out == "" {
		return clikit.Usagef(example, "--from writes certificates too, and needs -o FILE")
	}
	connection, err := connections(c.StringSlice("from"), filepath.Dir(out))
	if err != nil {
		return err
	}
	text, err := fabric.Template(connection)
	if err != nil {
		return err
	}
	if out == "" {
		return e.result(c, map[string]any{"v": 1, "profile": string(text)}, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s: %w", out, fs.ErrExist)
		}
		return usageError(err, "a profile is never replaced: -o FILE names another")
	}
	vouches, err := certificateFiles(connection, filepath.Dir(out))
	if err != nil {
		return err
	}
	files := slices.AppendSeq([]string{}, maps.Keys(vouches))
	slices.Sort(files)
	for _, file := range files {
		if err := durable.WriteFile(file, vouches[file], 0o644); err != nil {
			return err
		}
	}
	if err := durable.WriteFile(out, text, 0o644); err != nil {
		return err
	}
	type made struct {
		V     int      `json:"v"`
		File  string   `json:"file"`
		Files []string `json:"certificates"`
	}
	e.remark(c, "still to be filled in: channel, the client's certificate and key, organisations; then `auditlog fabric check %s`", out)
	return e.result(c, made{1, out, files}, func(w io.Writer) error {
		for _, f := range append([]string{out}, files...) {
			fmt.Fprintln(w, f)
		}
		return nil
	})
}

// certificateFiles gives the files that vouch for peers, to be written into a
// folder. A connection profile chooses their names: none may take the place of
// what vouches for another peer.
func certificateFiles(connection *fabric.Connection, folder string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if connection == nil {
		return files, nil
	}
	for _, p := range connection.Peers {
		if p.PEM == nil {
			continue
		}
		file := filepath.Join(folder, p.TLS())
		there, ok := files[file]
		if !ok {
			var err error
			if there, err = durable.ReadFile(file); errors.Is(err, fs.ErrNotExist) {
				there = p.PEM
			} else if err != nil {
				return nil, err
			}
		}
		if !bytes.Equal(there, p.PEM) {
			return nil, usageError(fmt.Errorf("%s: other certificates than those of peer %q at %s", file, p.Label, p.Address),
				"a certificate file is never replaced: if another organisation named its peer alike, change the name in its connection profile")
		}
		files[file] = p.PEM
	}
	return files, nil
}

// connections reads connection profiles of Fabric and puts them together, for a
// profile in a folder. There is none for no files.
func connections(files []string, folder string) (*fabric.Connection, error) {
	var all *fabric.Connection
	for _, file := range files {
		text, err := readFile(file, maxPEM)
		if err != nil {
			return nil, usageError(fmt.Errorf("--from: %w", err), "")
		}
		from, err := filepath.Rel(folder, filepath.Dir(file))
		if err != nil {
			return nil, usageError(fmt.Errorf("--from %s: %w", file, err), "")
		}
		c, err := fabric.ParseConnection(text, from)
		if err != nil {
			return nil, usageError(fmt.Errorf("--from %s: %w", file, err), "--from takes a connection profile of Fabric, such as connection-org1.yaml")
		}
		if all == nil {
			all = c
			continue
		}
		for _, p := range c.Peers {
			if !slices.ContainsFunc(all.Peers, func(q fabric.ConnectionPeer) bool { return q.Address == p.Address }) {
				all.Peers = append(all.Peers, p)
			}
		}
	}
	return all, nil
}
