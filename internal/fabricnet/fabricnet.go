// Package fabricnet runs a real network of Hyperledger Fabric 2.5 without
// containers: one Raft orderer or three, two organisations with a peer each,
// TLS everywhere, chaincode as an external service. Tests and the
// demonstration use it; it is not for production.
//
// [Start] returns when the network has a leader and its peers know each other,
// after two to three seconds. Everything runs on 127.0.0.1, in processes that
// die with the one that started them (on Linux, even by kill -9), on ports and
// in a folder of its own: several networks may run side by side.
package fabricnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"text/template"
	"time"
)

// Options says what network to start. The zero value is a quick one.
type Options struct {
	Dir          string        // for all its files, must not exist; a temporary folder if empty
	Orderers     int           // 1 if 0
	BatchTimeout time.Duration // after which a block is cut; 20 ms if 0
	MaxMessages  int           // in a block; 500 if 0
}

// A Network is one that runs.
type Network struct {
	Dir      string
	Channel  string
	Ordering *Org
	Orderers []*Node
	Orgs     []*Org // with a peer each
	Builder  string // folder of the external builder for chaincode services

	BatchTimeout time.Duration
	MaxMessages  int

	programs  string
	ports     *ports
	processes []*Process // in the order in which they were started
	temporary bool
	lock      *os.File // of the folder, if it is temporary
}

// An Org is an organisation.
type Org struct {
	MSP    string // its identifier
	Domain string
	Crypto string // folder of its certificates and keys
	Peer   *Node  // nil for that of the orderers
}

// A Node is an orderer or a peer.
type Node struct {
	*Process
	Address    string // HOST:PORT of its gRPC service
	Port       int
	Operations int    // port of its metrics
	Admin      int    // port for joining channels, of an orderer
	Chaincode  int    // port for chaincode that connects to a peer
	Crypto     string // folder of its msp and tls
	Data       string // folder of its ledger
}

// Channel is the name of the one channel.
const Channel = "audit"

//go:embed config
var config embed.FS

var plainPath = regexp.MustCompile(`^[A-Za-z0-9/_.+-]+$`)

// Start starts a network. Stop must follow, unless it failed.
func Start(ctx context.Context, o Options) (n *Network, err error) {
	programs, err := Programs(ctx)
	if err != nil {
		return nil, err
	}
	n = &Network{
		Dir: o.Dir, Channel: Channel, programs: programs,
		BatchTimeout: o.BatchTimeout, MaxMessages: o.MaxMessages,
	}
	if n.BatchTimeout == 0 {
		n.BatchTimeout = 20 * time.Millisecond
	}
	if n.MaxMessages == 0 {
		n.MaxMessages = 500
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Stop())
		}
	}()
	if n.Dir == "" {
		sweep()
		n.temporary = true
		n.Dir, n.lock, err = temporary()
	} else {
		err = os.Mkdir(n.Dir, 0o755)
	}
	if err != nil {
		return n, err
	}
	if n.Dir, err = filepath.Abs(n.Dir); err != nil {
		return n, err
	}
	if !plainPath.MatchString(n.Dir) {
		return n, fmt.Errorf("folder %q: want letters, digits and ./_+- only", n.Dir)
	}
	if n.ports, err = reserve(); err != nil {
		return n, err
	}
	n.plan(max(o.Orderers, 1))
	if err := n.configure(ctx); err != nil {
		return n, err
	}
	for _, p := range n.processes {
		if err := p.Start(); err != nil {
			return n, err
		}
	}
	if err := n.join(ctx); err != nil {
		return n, err
	}
	return n, n.Ready(ctx)
}

// plan names everything.
func (n *Network) plan(orderers int) {
	n.Builder = filepath.Join(n.Dir, "config", "ccaas")
	n.Ordering = &Org{MSP: "OrdererMSP", Domain: "ord.test", Crypto: filepath.Join(n.Dir, "crypto", "ordererOrganizations", "ord.test")}
	for i := range orderers {
		name := fmt.Sprint("orderer", i+1)
		o := n.node(name, "orderer")
		o.Admin = n.ports.take()
		o.Crypto = filepath.Join(n.Ordering.Crypto, "orderers", name+"."+n.Ordering.Domain)
		n.Orderers = append(n.Orderers, o)
	}
	for i := range 2 {
		domain := fmt.Sprintf("org%d.test", i+1)
		org := &Org{
			MSP: fmt.Sprintf("Org%dMSP", i+1), Domain: domain,
			Crypto: filepath.Join(n.Dir, "crypto", "peerOrganizations", domain),
		}
		org.Peer = n.node(fmt.Sprint("peer", i+1), "peer", "node", "start")
		org.Peer.Chaincode = n.ports.take()
		org.Peer.Crypto = filepath.Join(org.Crypto, "peers", "peer0."+domain)
		n.Orgs = append(n.Orgs, org)
	}
}

func (n *Network) node(name, program string, args ...string) *Node {
	port := n.ports.take()
	node := &Node{
		Address: address(port), Port: port, Operations: n.ports.take(),
		Data:    filepath.Join(n.Dir, "data", name),
		Process: n.process(name, filepath.Join(n.programs, program), args...),
	}
	node.env = []string{"FABRIC_CFG_PATH=" + n.config(name), "FABRIC_LOGGING_SPEC=warn"}
	return node
}

func (n *Network) process(name, path string, args ...string) *Process {
	p := &Process{Name: name, Log: filepath.Join(n.Dir, name+".log"), path: path, args: args}
	n.processes = append(n.processes, p)
	return p
}

func (n *Network) config(name string) string { return filepath.Join(n.Dir, "config", name) }

// configure writes configurations, certificates and the first block.
func (n *Network) configure(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(n.Dir, "data"), 0o755); err != nil {
		return err
	}
	type values struct {
		*Network
		Org           *Org
		Peer, Orderer *Node
	}
	write := func(dir, name string, v values) error {
		if err := os.MkdirAll(n.config(dir), 0o755); err != nil {
			return err
		}
		t, err := template.ParseFS(config, "config/"+name)
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, v); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(n.config(dir), name), text.Bytes(), 0o644)
	}
	err := errors.Join(write("", "crypto.yaml", values{Network: n}), write("", "configtx.yaml", values{Network: n}))
	for _, o := range n.Orderers {
		err = errors.Join(err, write(o.Name, "orderer.yaml", values{Network: n, Org: n.Ordering, Orderer: o}))
	}
	for _, o := range n.Orgs {
		err = errors.Join(err, write(o.Peer.Name, "core.yaml", values{Network: n, Org: o, Peer: o.Peer}))
	}
	bin := filepath.Join(n.Builder, "bin")
	err = errors.Join(err, os.MkdirAll(bin, 0o755))
	for _, name := range []string{"detect", "build", "release"} {
		text, readErr := config.ReadFile("config/ccaas/bin/" + name)
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(bin, name), text, 0o755))
	}
	if err != nil {
		return err
	}
	if _, err := command(ctx, n.Dir, filepath.Join(n.programs, "cryptogen"), "generate", "--config=config/crypto.yaml", "--output=crypto"); err != nil {
		return err
	}
	_, err = commandIn(ctx, n.Dir, []string{"FABRIC_CFG_PATH=" + n.config("")}, filepath.Join(n.programs, "configtxgen"),
		"-profile", "Net", "-channelID", n.Channel, "-outputBlock", "genesis.block")
	return err
}

// join brings the orderers and then the peers into the channel.
func (n *Network) join(ctx context.Context) error {
	for _, o := range n.Orderers {
		if err := n.listening(ctx, o.Process, o.Port, o.Admin); err != nil {
			return err
		}
		if err := n.joinOrderer(ctx, o); err != nil {
			return fmt.Errorf("%s: %w\n%s", o.Name, err, tail(o.Log))
		}
	}
	for i, o := range n.Orgs {
		if err := n.listening(ctx, o.Peer.Process, o.Peer.Port); err != nil {
			return err
		}
		if i > 0 {
			// Peers that join at the same moment may need half a minute to meet.
			if err := pause(ctx, 300*time.Millisecond); err != nil {
				return err
			}
		}
		if _, err := n.peer(ctx, o, "channel", "join", "-b", "genesis.block"); err != nil {
			return err
		}
	}
	return nil
}

// joinOrderer does what osnadmin channel join does.
func (n *Network) joinOrderer(ctx context.Context, o *Node) error {
	genesis, err := os.ReadFile(filepath.Join(n.Dir, "genesis.block"))
	if err != nil {
		return err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("config-block", "config.block")
	if err != nil {
		return err
	}
	part.Write(genesis)
	form.Close()
	pair, err := tls.LoadX509KeyPair(filepath.Join(o.Crypto, "tls", "server.crt"), filepath.Join(o.Crypto, "tls", "server.key"))
	if err != nil {
		return err
	}
	root, err := os.ReadFile(filepath.Join(o.Crypto, "tls", "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address(o.Admin)+"/participation/v1/channels", &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("joining the channel: %s: %s", resp.Status, answer)
	}
	return nil
}

// peer runs the peer program as the administrator of an organisation.
func (n *Network) peer(ctx context.Context, o *Org, args ...string) (string, error) {
	admin := filepath.Join(o.Crypto, "users", "Admin@"+o.Domain, "msp")
	return commandIn(ctx, n.Dir, []string{
		"FABRIC_CFG_PATH=" + n.config(o.Peer.Name), "CORE_PEER_MSPCONFIGPATH=" + admin, "FABRIC_LOGGING_SPEC=warn",
		"CORE_PEER_CLIENT_CONNTIMEOUT=" + patience.String(), // 3 s are little on a machine with other work
	}, filepath.Join(n.programs, "peer"), args...)
}

// Stop ends all processes and removes the folder if Start made it up. It may
// be called again.
func (n *Network) Stop() error {
	var errs []error
	for _, p := range n.processes {
		errs = append(errs, p.Kill())
	}
	if n.ports != nil {
		errs = append(errs, n.ports.release())
		n.ports = nil
	}
	if n.temporary {
		errs = append(errs, release(n.Dir, n.lock))
		n.lock = nil
	}
	return errors.Join(errs...)
}
