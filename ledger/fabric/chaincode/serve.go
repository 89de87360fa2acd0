package chaincode

import (
	"context"
	"errors"
	"net"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// MaxMessage is the most bytes of a message between peer and chaincode: what
// Fabric itself uses.
const MaxMessage = 100 << 20

// Serve serves a contract as the package of an id (LABEL:HASH, as the peers
// name it) until ctx ends. Peers connect to l; without creds they do so in the
// clear, which is for one machine only.
func Serve(ctx context.Context, l net.Listener, id string, contract shim.Chaincode, creds credentials.TransportCredentials) error {
	if id == "" {
		return errors.New("the id of the chaincode package is missing")
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage)}
	if creds != nil {
		options = append(options, grpc.Creds(creds))
	}
	s := grpc.NewServer(options...)
	peer.RegisterChaincodeServer(s, &shim.ChaincodeServer{CCID: id, CC: contract})
	defer context.AfterFunc(ctx, s.Stop)()
	if err := s.Serve(l); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
