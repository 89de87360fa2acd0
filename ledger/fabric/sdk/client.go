package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go/common"
	"github.com/hyperledger/fabric-protos-go/peer"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/providers/fab"
	sdk "github.com/hyperledger/fabric-sdk-go/pkg/context"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/discovery"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/orderer"
	peers "github.com/hyperledger/fabric-sdk-go/pkg/fab/peer"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/txn"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/pipe"
)

// A client speaks to a network. It implements pipe.Client.
type client struct {
	hello *pipe.Hello
	conns *connections
	sdk   *sdk.Client
	disc  discovery.Client
	peers []*watched

	mu     sync.Mutex // guards failed
	failed map[string]time.Time
}

func open(h *pipe.Hello) (pipe.Client, error) {
	c := &client{hello: h, conns: &connections{conns: map[string]*connection{}}, failed: map[string]time.Time{}}
	var err error
	if c.sdk, err = contextOf(h, c.conns); err != nil {
		return nil, err
	}
	if c.disc, err = discovery.New(c.sdk); err != nil {
		return nil, err
	}
	for _, p := range h.Peers {
		if err := c.conns.trust(p.Address, p.Roots, p.Name, true); err != nil {
			return nil, err
		}
		c.peers = append(c.peers, &watched{client: c, address: p.Address})
	}
	return c, nil
}

// request is a context as the SDK wants it. Its own limits do not count: who
// asks has some.
func (c *client) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return sdk.NewRequest(c.sdk, sdk.WithParent(ctx), sdk.WithTimeout(24*time.Hour))
}

// Evaluate implements pipe.Client.
func (c *client) Evaluate(ctx context.Context, q pipe.Question) ([]byte, error) {
	proposal, err := c.proposal(q)
	if err != nil {
		return nil, err
	}
	r, err := c.propose(ctx, proposal, c.peers[q.Peer].address)
	if err != nil {
		return nil, c.explain(err)
	}
	return r.GetResponse().GetPayload(), nil
}

// Endorse implements pipe.Client. The envelope is not signed.
func (c *client) Endorse(ctx context.Context, q pipe.Question) (a pipe.Answer, err error) {
	home := c.peers[q.Peer].address
	endorsers, err := c.endorsers(ctx, home, q.Chaincode, q.Organisations)
	if err != nil {
		return a, c.explain(err)
	}
	proposal, err := c.proposal(q)
	if err != nil {
		return a, err
	}
	responses := make([]*fab.TransactionProposalResponse, len(endorsers))
	failed := make([]error, len(endorsers))
	var wg sync.WaitGroup
	for i, address := range endorsers {
		wg.Go(func() { responses[i], failed[i] = c.propose(ctx, proposal, address) })
	}
	wg.Wait()
	var errs []error
	for i, err := range failed {
		if err == nil {
			c.blame(endorsers[i], false)
			continue
		}
		e := c.explain(err)
		if e.Kind == pipe.Refused {
			return a, e
		}
		c.blame(endorsers[i], true)
		if e.Kind == pipe.Unavailable && endorsers[i] != home {
			e.Kind = "" // another peer would ask it too
		}
		errs = append(errs, e)
	}
	if len(errs) > 0 {
		return a, joined(errs)
	}
	for i, r := range responses[1:] {
		if !bytes.Equal(r.GetPayload(), responses[0].GetPayload()) {
			return a, fmt.Errorf("%s and %s answer differently", endorsers[0], endorsers[i+1])
		}
	}
	return c.prepared(proposal, responses)
}

// prepared makes a transaction of endorsements.
func (c *client) prepared(proposal *fab.TransactionProposal, responses []*fab.TransactionProposalResponse) (a pipe.Answer, err error) {
	tx, err := txn.New(fab.TransactionRequest{Proposal: proposal, ProposalResponses: responses})
	if err != nil {
		return a, err
	}
	data, err := marshal(tx.Transaction)
	if err != nil {
		return a, err
	}
	var header common.Header
	if err := unmarshal(proposal.Header, &header); err != nil {
		return a, err
	}
	payload, err := marshal(&common.Payload{Header: &header, Data: data})
	if err != nil {
		return a, err
	}
	a.Envelope, err = marshal(&common.Envelope{Payload: payload})
	a.Transaction = string(proposal.TxnID)
	a.Result = responses[0].GetResponse().GetPayload()
	return a, err
}

func (c *client) proposal(q pipe.Question) (*fab.TransactionProposal, error) {
	header, err := txn.NewHeader(c.sdk, c.hello.Channel)
	if err != nil {
		return nil, err
	}
	return txn.CreateChaincodeInvokeProposal(header, fab.ChaincodeInvokeRequest{ChaincodeID: q.Chaincode, Fcn: q.Function, Args: q.Args})
}

// propose has one peer answer a proposal.
func (c *client) propose(ctx context.Context, proposal *fab.TransactionProposal, address string) (*fab.TransactionProposalResponse, error) {
	ctx, cancel := c.request(ctx)
	defer cancel()
	p, err := peers.New(c.sdk.EndpointConfig(), peers.WithURL(address))
	if err != nil {
		return nil, err
	}
	responses, err := txn.SendProposal(ctx, proposal, []fab.ProposalProcessor{p})
	if err != nil {
		return nil, err
	}
	return responses[0], nil
}

// Commit implements pipe.Client.
func (c *client) Commit(ctx context.Context, q pipe.Question) error {
	var envelope common.Envelope
	if err := unmarshal(q.Envelope, &envelope); err != nil {
		return err
	}
	signature, err := c.sdk.Sign(envelope.Payload)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, time.Duration(c.hello.Submit)*time.Millisecond)
	defer cancel()
	home := c.peers[q.Peer]
	// Before it is ordered, lest its block goes by unseen.
	status, forget, err := home.watch(within, q.Transaction)
	if err != nil {
		return c.explain(err)
	}
	defer forget()
	if err := c.broadcast(within, home.address, &fab.SignedEnvelope{Payload: envelope.Payload, Signature: signature}); err != nil {
		return err
	}
	within, cancel = context.WithTimeout(ctx, time.Duration(c.hello.Commit)*time.Millisecond)
	defer cancel()
	select {
	case s := <-status:
		if s.err != nil {
			return c.explain(s.err)
		}
		if s.code != peer.TxValidationCode_VALID {
			return fmt.Errorf("transaction %s is not valid: %s", q.Transaction, s.code)
		}
		return nil
	case <-within.Done():
		return c.explain(within.Err())
	}
}

// broadcast hands a transaction to one orderer after the other until one takes it.
func (c *client) broadcast(ctx context.Context, home string, e *fab.SignedEnvelope) error {
	orderers, err := c.orderers(ctx, home)
	if err != nil {
		return c.explain(err)
	}
	ctx, cancel := c.request(ctx)
	defer cancel()
	var errs []error
	for _, i := range rand.Perm(len(orderers)) {
		o, err := orderer.New(c.sdk.EndpointConfig(), orderer.WithURL(orderers[i]))
		if err == nil {
			_, err = o.SendBroadcast(ctx, e)
		}
		if err == nil {
			return nil
		}
		explained := c.explain(err)
		explained.Kind = "" // another peer would hand it to the same
		errs = append(errs, fmt.Errorf("orderer %s: %w", orderers[i], explained))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.New(joined(errs).Message)
}
