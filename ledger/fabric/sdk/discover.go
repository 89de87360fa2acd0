package main

import (
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	protos "github.com/hyperledger/fabric-protos-go/discovery"
	"github.com/hyperledger/fabric-protos-go/msp"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/providers/fab"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/discovery"
)

// A node is a peer or orderer as a peer of the profile tells of it.
type node struct{ address, msp string }

// endorsers gives the addresses of peers whose endorsements together are enough,
// or of one of each organisation if some are named.
func (c *client) endorsers(ctx context.Context, home, chaincode string, organisations []string) ([]string, error) {
	calls := discovery.CcCalls(chaincode)
	request := discovery.NewRequest().OfChannel(c.hello.Channel)
	var err error
	if len(organisations) > 0 {
		request = request.AddPeersQuery(calls...)
	} else if request, err = request.AddEndorsersQuery(discovery.CcInterests(calls)...); err != nil {
		return nil, err
	}
	answer, config, err := c.discover(ctx, home, request)
	if err != nil {
		return nil, err
	}
	channel := answer.ForChannel(c.hello.Channel)
	if len(organisations) > 0 {
		found, err := channel.Peers(calls...)
		if err != nil {
			return nil, err
		}
		var all []node
		for _, i := range rand.Perm(len(found)) {
			all = append(all, node{found[i].AliveMessage.GetAliveMsg().GetMembership().GetEndpoint(), found[i].MSPID})
		}
		slices.SortStableFunc(all, func(a, b node) int { return cmp.Compare(c.cost(home, a), c.cost(home, b)) })
		chosen, err := oneOfEach(all, organisations)
		if err != nil {
			return nil, err
		}
		return c.trusted(chosen, config)
	}
	// Each time, the SDK draws one of the sets that would do.
	const draws = 8
	var best []node
	for range draws {
		found, err := channel.Endorsers(calls, discovery.NewIndifferentFilter())
		if err != nil {
			return nil, err
		}
		var set []node
		for _, p := range found {
			set = append(set, node{p.AliveMessage.GetAliveMsg().GetMembership().GetEndpoint(), p.MSPID})
		}
		if best == nil || c.cost(home, set...) < c.cost(home, best...) {
			best = set
		}
	}
	return c.trusted(best, config)
}

// oneOfEach chooses the first node of each organisation.
func oneOfEach(all []node, organisations []string) (chosen []node, err error) {
	for _, o := range organisations {
		i := slices.IndexFunc(all, func(n node) bool { return n.msp == o })
		if i < 0 {
			return nil, fmt.Errorf("no peer of %s is known to have the chaincode", o)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// forgiven is how long a peer that failed is asked after all others.
const forgiven = 10 * time.Second

// cost is how good it is to ask these: best is the peer that is spoken to anyway,
// worst are those that have just failed, because discovery knows of them for
// half a minute still.
func (c *client) cost(home string, nodes ...node) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range nodes {
		if time.Since(c.failed[p.address]) < forgiven {
			n += 100
		}
		if p.address != home {
			n++
		}
	}
	return n
}

// blame notes whether a peer has failed.
func (c *client) blame(address string, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed {
		c.failed[address] = time.Now()
	} else {
		delete(c.failed, address)
	}
}

// orderers gives the addresses of the ordering service.
func (c *client) orderers(ctx context.Context, home string) ([]string, error) {
	_, config, err := c.discover(ctx, home, discovery.NewRequest().OfChannel(c.hello.Channel))
	if err != nil {
		return nil, err
	}
	var all []node
	for org, endpoints := range config.GetOrderers() {
		for _, e := range endpoints.GetEndpoint() {
			all = append(all, node{net.JoinHostPort(e.GetHost(), strconv.Itoa(int(e.GetPort()))), org})
		}
	}
	return c.trusted(all, config)
}

// discover asks the discovery service of a peer about the channel.
func (c *client) discover(ctx context.Context, home string, r *discovery.Request) (a discovery.Response, config *protos.ConfigResult, err error) {
	ctx, cancel := c.request(ctx)
	defer cancel()
	answers, err := c.disc.Send(ctx, r.AddConfigQuery(), fab.PeerConfig{URL: home})
	if err != nil {
		return nil, nil, err
	}
	a = <-answers // one was asked
	if err := a.Error(); err != nil {
		return nil, nil, err
	}
	defer func() {
		// The SDK leaves an answer that was cancelled, on either side, without
		// an error and without what it should hold.
		if recover() != nil {
			err = errors.New("the peer's answer about the channel was cancelled")
		}
	}()
	config, err = a.ForChannel(c.hello.Channel).Config()
	return a, config, err
}

// trusted has connections to nodes vouched for by their organisations, as the
// channel's configuration has it, and gives their addresses.
func (c *client) trusted(nodes []node, config *protos.ConfigResult) ([]string, error) {
	if len(nodes) == 0 {
		return nil, errors.New("the channel names nobody for this")
	}
	var addresses []string
	for _, n := range nodes {
		if err := c.conns.trust(n.address, rootsOf(config.GetMsps()[n.msp]), "", false); err != nil {
			return nil, err
		}
		addresses = append(addresses, n.address)
	}
	return addresses, nil
}

// rootsOf gives the certificates that vouch for the TLS of an organisation, PEM.
func rootsOf(m *msp.FabricMSPConfig) string {
	var all strings.Builder
	for _, cert := range append(m.GetTlsRootCerts(), m.GetTlsIntermediateCerts()...) {
		if b, _ := pem.Decode(cert); b != nil {
			pem.Encode(&all, b)
		}
	}
	return all.String()
}
