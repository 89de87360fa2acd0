package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
)

// connections takes the place of the cache of the SDK, which waits for seconds
// for what is away, and trusts every peer by the certificates of all. Here a
// call to what is away fails at once, and each address has its own certificates.
type connections struct {
	mu    sync.Mutex // guards conns
	conns map[string]*connection
}

type connection struct {
	*grpc.ClientConn
	roots string // that vouch for it
	fixed bool   // as the profile has it: what peers say does not count
}

// maxMessage is the most bytes of a message, as peers have it.
const maxMessage = 100 << 20

// trust says which certificates vouch for an address.
func (c *connections) trust(address, roots, name string, fixed bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.conns[address]
	if old != nil && (old.fixed || old.roots == roots) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(roots)) {
		return fmt.Errorf("no certificates vouch for %s", address)
	}
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12})),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return err
	}
	if old != nil {
		old.Close()
	}
	c.conns[address] = &connection{conn, roots, fixed}
	return nil
}

// DialContext implements fab.CommManager. The options of the SDK do not count.
func (c *connections) DialContext(_ context.Context, address string, _ ...grpc.DialOption) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.conns[address]
	if conn == nil {
		return nil, fmt.Errorf("no certificates vouch for %s", address)
	}
	return conn.ClientConn, nil
}

// ReleaseConn implements fab.CommManager. Connections last as long as the process.
func (c *connections) ReleaseConn(*grpc.ClientConn) {}
