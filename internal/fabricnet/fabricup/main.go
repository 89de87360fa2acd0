// Fabricup runs a network of package fabricnet for a script: a demonstration, or
// the commands of a page. It writes what its users need into a folder, prints
// "ready", and stops the network when its standard input closes, or at Ctrl-C.
//
//	DIR/writer.yaml     profile of a client of organisation 1 that may write
//	DIR/regulator.yaml  profile of a client of organisation 2 that may not
//	DIR/network.env     for the shell: ORDERER, ORDERER_CA, CHANNEL, PATH with
//	                    Fabric's programs, and FABRIC_CFG_PATH
//	DIR/org1.env, …     for the shell: who `peer` is, and which peer it asks
//
// With -build it only builds the programs of Fabric and prints their folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fabricup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	build := flag.Bool("build", false, "only build the programs of Fabric")
	dir := flag.String("dir", "", "folder of the network, made anew")
	chaincode := flag.String("chaincode", "", "program to deploy as chaincode auditlog, with TLS; none if empty")
	batch := flag.Duration("batch-timeout", 200*time.Millisecond, "after which a block is cut")
	flag.Parse()
	slow := time.AfterFunc(3*time.Second, func() {
		fmt.Fprintln(os.Stderr, "fabricup: building the programs of Fabric, once; this takes minutes")
	})
	programs, err := fabricnet.Programs(ctx)
	slow.Stop()
	if err != nil {
		return err
	}
	if *build {
		fmt.Println(programs)
		return nil
	}
	if *dir == "" {
		return errors.New("-dir is missing")
	}
	if err := os.MkdirAll(filepath.Dir(*dir), 0o755); err != nil {
		return err
	}
	n, err := fabricnet.Start(ctx, fabricnet.Options{Dir: *dir, BatchTimeout: *batch})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	if *chaincode != "" {
		path, err := filepath.Abs(*chaincode)
		if err != nil {
			return err
		}
		if _, err := n.Deploy(ctx, fabricnet.Chaincode{Path: path, TLS: true}, "auditlog"); err != nil {
			return err
		}
	}
	if err := describe(n, programs); err != nil {
		return err
	}
	fmt.Println("ready")
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		closed <- err
	}()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// describe writes what users of the network need.
func describe(n *fabricnet.Network, programs string) error {
	files := map[string]string{}
	for i, user := range []struct {
		name   string
		claims fabricnet.Claims
	}{
		{"writer", fabricnet.Claims{Role: "writer"}},
		{"regulator", fabricnet.Claims{}},
	} {
		who, err := n.Orgs[i].Issue(user.name, user.claims)
		if err != nil {
			return err
		}
		files[user.name+".yaml"] = n.Profile("auditlog", who)
	}
	first := n.Orgs[0]
	files["network.env"] = exports(
		"CHANNEL", n.Channel,
		"ORDERER", n.Orderers[0].Address, "ORDERER_CA", n.Ordering.TLSRoot(),
		"FABRIC_CFG_PATH", filepath.Join(n.Dir, "config", first.Peer.Name), "FABRIC_LOGGING_SPEC", "warn",
	) + fmt.Sprintf("export PATH='%s':$PATH\n", programs)
	for i, o := range n.Orgs {
		files[fmt.Sprintf("org%d.env", i+1)] = exports(
			"CORE_PEER_TLS_ENABLED", "true",
			"CORE_PEER_LOCALMSPID", o.MSP, "CORE_PEER_ADDRESS", o.Peer.Address, "CORE_PEER_TLS_ROOTCERT_FILE", o.TLSRoot(),
			"CORE_PEER_MSPCONFIGPATH", filepath.Join(o.Crypto, "users", "Admin@"+o.Domain, "msp"),
		)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(n.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// exports sets variables of the shell. No value has a quote: fabricnet refuses
// such folders.
func exports(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "export %s='%s'\n", pairs[i], pairs[i+1])
	}
	return b.String()
}
