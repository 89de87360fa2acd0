// Command auditlog-fabric-sdk is the client of a ledger on networks of
// Hyperledger Fabric older than 2.4, whose peers have no Gateway service. It
// asks peers for endorsement, and hands transactions to orderers, itself, by
// means of fabric-sdk-go.
//
// auditlog starts it where a profile says "client: sdk", and tells it on stdin
// what to do (package ledger/fabric/internal/pipe). It is a program of its own
// because fabric-sdk-go and the client of the gateway cannot be linked into one:
// both register the messages of Fabric. Nobody needs to run it by hand.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/pipe"
)

func main() {
	program := "auditlog-fabric-sdk"
	if info, ok := debug.ReadBuildInfo(); ok {
		program += " " + info.Main.Version
	}
	if len(os.Args) > 1 {
		fmt.Printf("%s, version %d of the protocol\n", program, pipe.Version)
		fmt.Println("It is started by auditlog, where a profile says: client: sdk")
		return
	}
	// What anything else prints must not come between the answers.
	out := os.Stdout
	os.Stdout = os.Stderr
	quiet()
	err := pipe.Serve(os.Stdin, out, program, open)
	if err != nil {
		fmt.Fprintf(os.Stderr, "auditlog-fabric-sdk: error: %v\n", err)
		os.Exit(1)
	}
}
