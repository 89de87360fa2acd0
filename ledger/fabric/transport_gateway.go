package fabric

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/message"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// maxMessage is the most bytes of an answer, as peers have it.
const maxMessage = 100 << 20

// A gatewayPeer is a transport over the Gateway service of a peer.
type gatewayPeer struct {
	timeouts *Timeouts
	conn     *grpc.ClientConn
	gateway  *client.Gateway
	network  *client.Network
}

// dialGateways prepares to connect to the peers of a profile.
func dialGateways(p *Profile, who *who) (peers []*endpoint, err error) {
	id, err := identity.NewX509Identity(p.Identity.MSP, who.cert)
	if err != nil {
		return nil, fmt.Errorf("%s: identity: %w", p.file, err)
	}
	sign, err := identity.NewPrivateKeySign(who.key)
	if err != nil {
		return nil, fmt.Errorf("%s: identity.key: %w", p.file, err)
	}
	for i := range p.Peers {
		g, err := dialGateway(p, &p.Peers[i], id, sign)
		if err != nil {
			for _, e := range peers {
				err = errors.Join(err, e.close())
			}
			return nil, err
		}
		peers = append(peers, &endpoint{address: p.Peers[i].Address, transport: g})
	}
	return peers, nil
}

func dialGateway(p *Profile, peer *Peer, id identity.Identity, sign identity.Sign) (*gatewayPeer, error) {
	_, roots, err := p.roots(peer)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(peer.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: peer.Name, MinVersion: tls.VersionTLS12})),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		// The default waits two minutes after a long outage.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return nil, fmt.Errorf("%s: peer %s: %w", p.file, peer.Address, err)
	}
	gw, err := client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(conn))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &gatewayPeer{&p.Timeouts, conn, gw, gw.GetNetwork(p.Channel)}, nil
}

func (g *gatewayPeer) close() error { return errors.Join(g.gateway.Close(), g.conn.Close()) }

// With a context, the gateway's own limits do not count.

func (g *gatewayPeer) evaluate(ctx context.Context, c call) ([]byte, error) {
	answer, err := g.network.GetContract(c.chaincode).EvaluateWithContext(ctx, c.function, client.WithBytesArguments(c.args...))
	return answer, explain(err)
}

func (g *gatewayPeer) endorse(ctx context.Context, c call) (*transaction, error) {
	options := []client.ProposalOption{client.WithBytesArguments(c.args...)}
	if len(c.organisations) > 0 {
		options = append(options, client.WithEndorsingOrganizations(c.organisations...))
	}
	proposal, err := g.network.GetContract(c.chaincode).NewProposal(c.function, options...)
	if err != nil {
		return nil, err
	}
	tx, err := proposal.EndorseWithContext(ctx)
	if err != nil {
		return nil, explain(err)
	}
	prepared, err := tx.Bytes() // a gateway.PreparedTransaction
	if err != nil {
		return nil, err
	}
	var envelope message.Embedded
	if err := message.Decode(prepared, message.Fields{2: &envelope}); err != nil {
		return nil, err
	}
	return &transaction{
		id: tx.TransactionID(), result: tx.Result(), envelope: envelope,
		commit: func(ctx context.Context) error { return g.commit(ctx, tx) },
	}, nil
}

func (g *gatewayPeer) commit(ctx context.Context, tx *client.Transaction) error {
	within, cancel := context.WithTimeout(ctx, time.Duration(g.timeouts.Submit))
	defer cancel()
	commit, err := tx.SubmitWithContext(within)
	if err != nil {
		return explain(err)
	}
	within, cancel = context.WithTimeout(ctx, time.Duration(g.timeouts.Commit))
	defer cancel()
	s, err := commit.StatusWithContext(within)
	if err != nil {
		return explain(err)
	}
	if !s.Successful {
		return fmt.Errorf("transaction %s is not valid: %s", s.TransactionID, s.Code)
	}
	return nil
}

func (g *gatewayPeer) blocks(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		blocks, err := g.network.BlockEvents(ctx, client.WithStartBlock(from))
		if err != nil {
			cancel()
			yield(nil, explain(err))
			return
		}
		defer func() {
			cancel()
			for range blocks { // the gateway waits until each is taken
			}
		}()
		for b := range blocks {
			text, err := proto.Marshal(b)
			if !yield(text, err) || err != nil {
				return
			}
		}
	}
}

// explain finds the answer of the chaincode in an error of the gateway, or what
// else peers had to say, and its kind.
func explain(err error) error {
	if err == nil {
		return nil
	}
	s, _ := status.FromError(err)
	var peers []string
	for _, detail := range s.Details() {
		d, ok := detail.(*gateway.ErrorDetail)
		if !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(d.GetMessage(), "chaincode response "); ok && len(peers) == 0 {
			code, message, _ := strings.Cut(rest, ", ")
			if n, convErr := strconv.Atoi(code); convErr == nil && n != wire.Internal {
				return &refusal{n, message}
			}
		}
		peers = append(peers, fmt.Sprintf("%s of %s: %s", d.GetAddress(), d.GetMspId(), d.GetMessage()))
	}
	says := strings.Join(peers, "; ")
	if says == "" {
		says = err.Error()
	}
	var kind error
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		kind = errUnavailable
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.NotFound:
		kind = errFinal
	}
	return fail(kind, says, err)
}
