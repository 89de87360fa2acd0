// Package nettest runs networks of package fabricnet for tests and benchmarks.
package nettest

import (
	"os"
	"testing"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

// Start starts a network that is stopped when the test ends, if it was not
// before. With -short the test is skipped.
func Start(t testing.TB, o fabricnet.Options) *fabricnet.Network {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a network")
	}
	n, err := fabricnet.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Deploy deploys a chaincode under each of the names. Without a path it is the
// program of the test, whose TestMain finds CHAINCODE_ID in its environment.
func Deploy(t testing.TB, n *fabricnet.Network, c fabricnet.Chaincode, names ...string) *fabricnet.Process {
	t.Helper()
	if c.Path == "" {
		var err error
		if c.Path, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	p, err := n.Deploy(t.Context(), c, names...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Issue makes a client of an organisation with a role, which may be empty.
func Issue(t testing.TB, o *fabricnet.Org, name, role string) fabricnet.Identity {
	t.Helper()
	who, err := o.Issue(name, fabricnet.Claims{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return who
}
