package chaincode

import (
	"encoding/hex"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// Origin is the name under which a Verifier gives back the origin of the ledger.
const Origin = "origin"

// checkpoint is the head of the first records, so many. What is sealed is read
// from its tiles, what comes after it from the log. So the answer to a size is
// the same for ever.
func (c contract) checkpoint(stub shim.ChaincodeStubInterface, args [][]byte) ([]byte, error) {
	if len(args) != 2 {
		return nil, faultf(wire.Invalid, "%d arguments, want origin and size", len(args))
	}
	origin := string(args[0])
	size, err := number(args[1], math.MaxInt64)
	if err != nil {
		return nil, err
	}
	if err := c.checkOrigin(stub, origin); err != nil {
		return nil, err
	}
	s, err := sealed(stub)
	if err != nil {
		return nil, err
	}
	t := tree.New(s.Tiles*wire.TileWidth, &hashes{stub: stub})
	if size > t.Size() {
		_, log, err := rest(stub)
		if err != nil {
			return nil, err
		}
		for _, tx := range log {
			for _, r := range tx.Records {
				leaf, err := hex.DecodeString(r.Hash)
				if err != nil {
					return nil, err
				}
				if err := t.Add(tlog.Hash(leaf)); err != nil {
					return nil, err
				}
			}
		}
	}
	if size > t.Size() {
		return nil, faultf(wire.NotFound, "the ledger has %d records, not %d", t.Size(), size)
	}
	root, err := t.Root(size)
	if err != nil {
		return nil, err
	}
	return ledger.Head{Origin: origin, Size: size, Root: root}.Text(), nil
}

// checkOrigin holds an origin to that of the first record, or, where nobody
// verifies records, to the form of a name in a signed note.
func (c contract) checkOrigin(stub shim.ChaincodeStubInterface, origin string) error {
	if c.Verify == nil {
		if origin == "" || !utf8.ValidString(origin) || strings.ContainsFunc(origin, unicode.IsSpace) || strings.Contains(origin, "+") {
			return faultf(wire.Invalid, "%.80q is no origin", origin)
		}
		return nil
	}
	ours, err := stub.GetState("signer:" + Origin)
	switch {
	case err != nil:
		return err
	case ours == nil:
		return faultf(wire.NotFound, "the ledger has no first record, which says its origin")
	case origin != string(ours):
		return faultf(wire.Invalid, "the origin of this ledger is %q, not %.80q", ours, origin)
	}
	return nil
}
