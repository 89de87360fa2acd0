// Package cctest lets the program of a test be the chaincode of its network.
package cctest

import (
	"context"
	"net"
	"os"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

// Serve serves a contract, in the clear, where the environment that a test
// network gives to chaincode says, and under that name. It returns when it
// cannot.
func Serve(contract shim.Chaincode) error {
	l, err := net.Listen("tcp", os.Getenv("CHAINCODE_SERVER_ADDRESS"))
	if err != nil {
		return err
	}
	return chaincode.Serve(context.Background(), l, os.Getenv("CHAINCODE_ID"), contract, nil)
}
