package fabric

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
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

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// maxMessage is the most bytes of an answer, as peers have it.
const maxMessage = 100 << 20

// who is the identity of a profile, read.
type who struct {
	id   identity.Identity
	sign identity.Sign
}

func (p *Profile) identity() (who, error) {
	read := func(name, file string) ([]byte, error) {
		text, err := os.ReadFile(p.path(file))
		if err != nil {
			return nil, fmt.Errorf("%s: identity.%s: %w", p.file, name, err)
		}
		return text, nil
	}
	certPEM, err := read("certificate", p.Identity.Certificate)
	if err != nil {
		return who{}, err
	}
	keyPEM, err := read("key", p.Identity.Key)
	if err != nil {
		return who{}, err
	}
	cert, err := identity.CertificateFromPEM(certPEM)
	if err != nil {
		return who{}, fmt.Errorf("%s: identity.certificate: %s: %w", p.file, p.path(p.Identity.Certificate), err)
	}
	if now := time.Now(); now.After(cert.NotAfter) {
		return who{}, fmt.Errorf("%s: identity.certificate: %s expired on %s", p.file, p.path(p.Identity.Certificate), cert.NotAfter.UTC().Format(time.DateTime))
	}
	key, err := identity.PrivateKeyFromPEM(keyPEM)
	if err != nil {
		return who{}, fmt.Errorf("%s: identity.key: %s: %w", p.file, p.path(p.Identity.Key), err)
	}
	if !matches(cert, key) {
		return who{}, fmt.Errorf("%s: identity.key: %s is not the key of the certificate", p.file, p.path(p.Identity.Key))
	}
	id, err := identity.NewX509Identity(p.Identity.MSP, cert)
	if err != nil {
		return who{}, fmt.Errorf("%s: identity: %w", p.file, err)
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return who{}, fmt.Errorf("%s: identity.key: %w", p.file, err)
	}
	return who{id, sign}, nil
}

// An endpoint is a peer.
type endpoint struct {
	address string
	conn    *grpc.ClientConn
	gateway *client.Gateway
	network *client.Network
	ledger  *client.Contract
}

func (p *Profile) connect(peer *Peer, w who) (*endpoint, error) {
	root, err := os.ReadFile(p.path(peer.TLS))
	if err != nil {
		return nil, fmt.Errorf("%s: tls of peer %s: %w", p.file, peer.Address, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		return nil, fmt.Errorf("%s: tls of peer %s: %s holds no certificate", p.file, peer.Address, p.path(peer.TLS))
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
	gw, err := client.Connect(w.id, client.WithSign(w.sign), client.WithHash(hash.SHA256), client.WithClientConnection(conn))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	network := gw.GetNetwork(p.Channel)
	return &endpoint{address: peer.Address, conn: conn, gateway: gw, network: network, ledger: network.GetContract(p.Chaincode)}, nil
}

func (e *endpoint) close() error { return errors.Join(e.gateway.Close(), e.conn.Close()) }

// ordered gives the peers, the one that answered last first.
func (l *Ledger) ordered() []*endpoint {
	n := int(l.preferred.Load())
	return slices.Concat(l.peers[n:], l.peers[:n])
}

// anyPeer calls f with one peer after the other while they cannot be reached.
func (l *Ledger) anyPeer(f func(*endpoint) error) error {
	var err error
	for _, e := range l.ordered() {
		if err = f(e); status.Code(err) != codes.Unavailable {
			l.preferred.Store(int32(slices.Index(l.peers, e)))
			return err
		}
		err = fmt.Errorf("peer %s: %w", e.address, err)
	}
	return err
}

// evaluate asks one peer, and changes nothing.
func (l *Ledger) evaluate(ctx context.Context, e *endpoint, function string, args ...[]byte) ([]byte, error) {
	return timed(ctx, l.profile.Timeouts.Evaluate, func(ctx context.Context) ([]byte, error) {
		answer, err := e.ledger.EvaluateWithContext(ctx, function, client.WithBytesArguments(args...))
		return answer, explain(err)
	})
}

// timed calls f with a limit. With a context, the gateway's own limits do not count.
func timed[T any](ctx context.Context, d Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(d))
	defer cancel()
	return f(ctx)
}

// A refusal is what the chaincode answered.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// Is makes a refusal the condition of package ledger that it stands for.
func (r *refusal) Is(target error) bool {
	switch r.status {
	case wire.Conflict:
		return target == ledger.ErrConflict
	case wire.TooLarge:
		return target == ledger.ErrTooLarge
	case wire.Invalid:
		return target == ledger.ErrInvalid
	case wire.Forbidden:
		return target == ledger.ErrReadOnly
	}
	return false
}

// A failure is an error of the gateway, in the words of the peers that it asked.
type failure struct {
	err   error
	peers []string
}

func (f *failure) Error() string { return strings.Join(f.peers, "; ") }
func (f *failure) Unwrap() error { return f.err }

// explain finds the answer of the chaincode in an error of the gateway, or what
// else peers had to say.
func explain(err error) error {
	if err == nil {
		return nil
	}
	f := &failure{err: err}
	s, _ := status.FromError(err)
	for _, detail := range s.Details() {
		d, ok := detail.(*gateway.ErrorDetail)
		if !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(d.GetMessage(), "chaincode response "); ok && len(f.peers) == 0 {
			code, message, _ := strings.Cut(rest, ", ")
			if n, convErr := strconv.Atoi(code); convErr == nil && n != wire.Internal {
				return &refusal{n, message}
			}
		}
		f.peers = append(f.peers, fmt.Sprintf("%s of %s: %s", d.GetAddress(), d.GetMspId(), d.GetMessage()))
	}
	if len(f.peers) == 0 {
		return err
	}
	return f
}
