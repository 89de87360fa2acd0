package fabricnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/internal/ccaas"
)

// Chaincode is a program that serves chaincode at the address of its variable
// CHAINCODE_SERVER_ADDRESS, as the package of its variable CHAINCODE_ID.
type Chaincode struct {
	Path string
	Args []string
	Env  []string
	// TLS has peers connect with TLS, to the certificate of the variable
	// CHAINCODE_TLS_CERT, whose key is that of CHAINCODE_TLS_KEY. Both are files.
	TLS bool
	// Policy is the one of the channel that endorsements must meet: Endorsement if
	// empty, which asks for both organisations, or AnyEndorsement.
	Policy string
}

// Deploy starts a chaincode service for both peers, and has both organisations
// approve it under each of the names: as many chaincodes that know nothing of
// each other. It returns when they can be called through either peer.
func (n *Network) Deploy(ctx context.Context, c Chaincode, names ...string) (*Process, error) {
	s, err := n.serve(ctx, c)
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	var admins []*Connection
	for _, o := range n.Orgs {
		admin, err := o.Connect(o.Admin())
		if err != nil {
			return nil, err
		}
		defer admin.Close()
		admins = append(admins, admin)
		g.Go(func() error { return n.install(ctx, o, s) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, name := range names {
		g.Go(func() error { return n.define(ctx, admins, name, s.id, c.Policy) })
	}
	return s.Process, g.Wait()
}

// Move has one organisation run another service for a chaincode that both have
// approved, as it may by itself. Its peer calls that from some moment on.
func (n *Network) Move(ctx context.Context, o *Org, c Chaincode, name string) (*Process, error) {
	s, err := n.serve(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := n.install(ctx, o, s); err != nil {
		return nil, err
	}
	admin, err := o.Connect(o.Admin())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	parameter, err := policy(c.Policy)
	if err != nil {
		return nil, err
	}
	return s.Process, n.approve(ctx, admin, o, name, s.id, parameter)
}

// A service serves chaincode to peers that have its package.
type service struct {
	*Process
	id, file string // of the package
}

func (n *Network) serve(ctx context.Context, c Chaincode) (*service, error) {
	port := n.ports.take()
	label := fmt.Sprint("chaincode-", port)
	at := ccaas.Service{Label: label, Address: address(port)}
	env := slices.Clone(c.Env)
	if c.TLS {
		cert, key := filepath.Join(n.Dir, label+".crt"), filepath.Join(n.Dir, label+".key")
		var err error
		if at.Root, err = serverCertificate(cert, key); err != nil {
			return nil, err
		}
		env = append(env, "CHAINCODE_TLS_CERT="+cert, "CHAINCODE_TLS_KEY="+key)
	}
	pkg, id, err := at.Package()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(n.Dir, label+".tgz")
	if err := os.WriteFile(file, pkg, 0o644); err != nil {
		return nil, err
	}
	p := n.process(label, c.Path, c.Args...)
	p.env = append(env, "CHAINCODE_SERVER_ADDRESS="+address(port), "CHAINCODE_ID="+id)
	if err := p.Start(); err != nil {
		return nil, err
	}
	return &service{p, id, file}, n.listening(ctx, p, port)
}

func (n *Network) install(ctx context.Context, o *Org, s *service) error {
	_, err := n.peer(ctx, o, "lifecycle", "chaincode", "install", s.file)
	return err
}

// approve has one organisation approve a chaincode.
func (n *Network) approve(ctx context.Context, admin *Connection, o *Org, name, id string, policy []byte) error {
	return n.lifecycle(ctx, admin, "ApproveChaincodeDefinitionForMyOrg", &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{
		Name: name, Version: "1", Sequence: 1, ValidationParameter: policy,
		Source: &lifecycle.ChaincodeSource{Type: &lifecycle.ChaincodeSource_LocalPackage{
			LocalPackage: &lifecycle.ChaincodeSource_Local{PackageId: id},
		}},
	}, "with unchanged content", o.MSP)
}

// policy is the parameter of a chaincode that names a policy of the channel, or
// nothing: then it is the default of Fabric.
func policy(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	return proto.Marshal(&peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_ChannelConfigPolicyReference{
		ChannelConfigPolicyReference: "/Channel/Application/" + name,
	}})
}

// define approves and commits a chaincode, and waits until all peers have it.
func (n *Network) define(ctx context.Context, admins []*Connection, name, id, endorsed string) error {
	parameter, err := policy(endorsed)
	if err != nil {
		return err
	}
	var g errgroup.Group
	for i, o := range n.Orgs {
		g.Go(func() error { return n.approve(ctx, admins[i], o, name, id, parameter) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var all []string
	for _, o := range n.Orgs {
		all = append(all, o.MSP)
	}
	// A peer that does not have both approvals yet endorses something else.
	var last error
	err = until(ctx, nil, "the definition of chaincode "+name, func() bool {
		last = n.lifecycle(ctx, admins[0], "CommitChaincodeDefinition", &lifecycle.CommitChaincodeDefinitionArgs{
			Name: name, Version: "1", Sequence: 1, ValidationParameter: parameter,
		}, "must be sequence 2", all...)
		var early *client.EndorseError
		return !errors.As(last, &early)
	})
	if err != nil || last != nil {
		return errors.Join(err, last)
	}
	for i := range n.Orgs {
		contract := admins[i].GetNetwork(n.Channel).GetContract(name)
		err := until(ctx, nil, "chaincode "+name, func() bool {
			last = answers(ctx, contract)
			return last == nil
		})
		if err != nil {
			return errors.Join(err, last)
		}
	}
	return nil
}

// answers makes sure that all organisations run a chaincode by calling what it
// does not have: it must be the chaincode that says so.
func answers(ctx context.Context, contract *client.Contract) error {
	proposal, err := contract.NewProposal("fabricnet:none")
	if err != nil {
		return err
	}
	_, err = proposal.EndorseWithContext(ctx)
	var endorse *client.EndorseError
	if errors.As(err, &endorse) && status.Code(err) == codes.Aborted {
		for _, detail := range endorse.Details() {
			if !strings.HasPrefix(detail.GetMessage(), "chaincode response ") {
				return err
			}
		}
		return nil
	}
	if err == nil {
		err = errors.New("the chaincode accepts a call of what it cannot have")
	}
	return err
}

// lifecycle submits, again and again while the network is not there: on a busy
// machine orderers may elect another leader. When the time ran out for what
// happened nevertheless, peers say that it did.
func (n *Network) lifecycle(ctx context.Context, as *Connection, function string, args proto.Message, did string, orgs ...string) error {
	arg, err := proto.Marshal(args)
	if err != nil {
		return err
	}
	var last error
	err = until(ctx, nil, function, func() bool {
		_, last = as.GetNetwork(n.Channel).GetContract("_lifecycle").SubmitWithContext(ctx, function,
			client.WithBytesArguments(arg), client.WithEndorsingOrganizations(orgs...))
		if said(last, did) {
			last = nil
		}
		code := status.Code(last)
		return code != codes.Unavailable && code != codes.DeadlineExceeded
	})
	if err == nil {
		err = last
	}
	if err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	return nil
}

// said reports whether a peer gave a reason for an error.
func said(err error, reason string) bool {
	for _, detail := range status.Convert(err).Details() {
		if d, ok := detail.(*gateway.ErrorDetail); ok && strings.Contains(d.GetMessage(), reason) {
			return true
		}
	}
	return false
}
