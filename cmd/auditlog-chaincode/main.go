// Auditlog-chaincode is the contract of a ledger on Hyperledger Fabric 2.5, as
// an external service that peers connect to. See docs/fabric.md, or
// `auditlog-chaincode --help`.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
	"google.golang.org/grpc/credentials"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

const name = "auditlog-chaincode"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const description = `auditlog-chaincode keeps the records of auditlog on a channel of Hyperledger
Fabric 2.5. It runs as a service of its own (ccaas), which peers connect to; one
process may serve several peers.

It takes a record once and never changes it, and refuses one that has not the
form of a record or a signature that does not verify. It also takes signed
checkpoints of ledgers that are kept elsewhere, each of which must continue the
one before. For either, a client needs the attribute auditlog.role=writer in its
certificate; every member of the channel reads.

Exit status:
   0  ended by Ctrl-C or SIGTERM
   2  wrong flags or arguments
   3  could not serve`

// run is the whole command: it gives the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := clikit.NewApp(name, nil)
	app.Usage = "the ledger's contract on Hyperledger Fabric"
	app.UsageText = name + " --id LABEL:HASH --address HOST:PORT --tls-cert FILE --tls-key FILE"
	app.Description = description
	app.Writer, app.ErrWriter = stdout, stderr
	app.HideVersion = true
	app.Flags = []cli.Flag{
		&cli.StringFlag{Name: "id", EnvVars: []string{"CHAINCODE_ID"}, Usage: "`ID` of the package, as peers name it when it is installed"},
		&cli.StringFlag{Name: "address", EnvVars: []string{"CHAINCODE_SERVER_ADDRESS"}, Usage: "listen on `HOST:PORT`"},
		&cli.StringFlag{Name: "tls-cert", EnvVars: []string{"CHAINCODE_TLS_CERT"}, Usage: "`FILE` of this service's certificate"},
		&cli.StringFlag{Name: "tls-key", EnvVars: []string{"CHAINCODE_TLS_KEY"}, Usage: "`FILE` of its private key"},
		&cli.StringFlag{Name: "client-ca", EnvVars: []string{"CHAINCODE_CLIENT_CA_CERT"}, Usage: "ask peers for a certificate, and accept those of `FILE`"},
		&cli.BoolFlag{Name: "insecure", EnvVars: []string{"CHAINCODE_TLS_DISABLED"}, Usage: "no TLS: for peers on the same machine"},
	}
	app.Action = func(c *cli.Context) error { return serve(c, stderr) }
	return clikit.Finish(name, app.RunContext(ctx, append([]string{name}, args...)), stderr)
}

func serve(c *cli.Context, stderr io.Writer) error {
	if c.NArg() > 0 {
		return clikit.Usagef("`"+name+" --help` lists the flags", "unexpected argument %q", c.Args().First())
	}
	for _, required := range []string{"id", "address"} {
		if c.String(required) == "" {
			return clikit.Usagef("", "--%s is missing", required)
		}
	}
	creds, err := transport(c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.String("address"))
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "serving %s on %s\n", c.String("id"), l.Addr())
	contract := chaincode.New(chaincode.Options{KeysOf: audit.KeysOf, Verify: verify, Anchor: checkpointed})
	return chaincode.Serve(c.Context, l, c.String("id"), contract, creds)
}

// transport gives the TLS of the service; nil is none.
func transport(c *cli.Context) (credentials.TransportCredentials, error) {
	cert, key := c.String("tls-cert"), c.String("tls-key")
	switch {
	case c.Bool("insecure"):
		if cert != "" || key != "" || c.String("client-ca") != "" {
			return nil, clikit.Usagef("", "--insecure goes with no file of TLS")
		}
		return nil, nil
	case cert == "" || key == "":
		return nil, clikit.Usagef("--insecure is for peers on the same machine", "--tls-cert and --tls-key are missing")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, &clikit.Error{Code: clikit.Usage, Err: err}
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if file := c.String("client-ca"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, &clikit.Error{Code: clikit.Usage, Err: err}
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, clikit.Usagef("", "%s holds no certificate", file)
		}
	}
	return credentials.NewTLS(config), nil
}
