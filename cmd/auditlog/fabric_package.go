package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/ccaas"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
)

func fabricPackageCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "package", Usage: "make the package by which peers find the chaincode service",
		Description: "Writes what `peer lifecycle chaincode install` takes, and prints the id of the package:\n" +
			"peers name it so, organisations approve it so, and `auditlog-chaincode --id` takes it.\n" +
			"There is no code in it but the address of a running auditlog-chaincode, and the\n" +
			"certificate by which peers know it. The same flags give the same bytes.\n\n" +
			"With --client-key the package holds a private key: hand it to nobody but your peers.\n\n" +
			"Exit status: 0 written, 2 usage, 3 could not be written.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "label", Usage: "`NAME` that begins the id of the package", Value: "auditlog"},
			&cli.StringFlag{Name: "address", Usage: "`HOST:PORT` of the service, as peers reach it; HOST stands in its certificate"},
			&cli.StringFlag{Name: "tls-ca", Usage: "`FILE` of the certificates that vouch for the service's own, PEM"},
			&cli.BoolFlag{Name: "insecure", Usage: "no TLS between peers and service: for one machine"},
			&cli.StringFlag{Name: "client-cert", Usage: "`FILE` of the certificate that peers show to the service, if it asks (--client-ca)"},
			&cli.StringFlag{Name: "client-key", Usage: "`FILE` of its private key"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the package to `FILE`, such as auditlog.tgz"},
		},
		Action: func(c *cli.Context) error { return fabricPackage(c, e) },
	}
}

// maxPEM is the most bytes of a file of certificates.
const maxPEM = 1 << 20

func fabricPackage(c *cli.Context, e *env) error {
	const example = "auditlog fabric package --address HOST:PORT --tls-ca FILE -o auditlog.tgz"
	if err := flagsOnly(c, example, "address", "out"); err != nil {
		return err
	}
	if c.Bool("insecure") == (c.String("tls-ca") != "") {
		return clikit.Usagef("--insecure is for a service on the machine of its peers", "one of --tls-ca and --insecure is needed")
	}
	s := ccaas.Service{Label: c.String("label"), Address: c.String("address")}
	mode := os.FileMode(0o644)
	for _, f := range []struct {
		flag string
		to   *[]byte
	}{{"tls-ca", &s.Root}, {"client-cert", &s.ClientCert}, {"client-key", &s.ClientKey}} {
		name := c.String(f.flag)
		if name == "" {
			continue
		}
		text, err := readFile(name, maxPEM)
		if err != nil {
			return usageError(fmt.Errorf("--%s: %w", f.flag, err), "")
		}
		*f.to = text
		if f.flag == "client-key" {
			mode = 0o600
		}
	}
	pkg, id, err := s.Package()
	if err != nil {
		return usageError(err, example)
	}
	if err := durable.WriteFile(c.String("out"), pkg, mode); err != nil {
		return err
	}
	type made struct {
		V    int    `json:"v"`
		ID   string `json:"packageId"`
		File string `json:"file"`
		TLS  bool   `json:"tls"`
	}
	return e.result(c, made{1, id, c.String("out"), s.Root != nil}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, id)
		return err
	})
}
