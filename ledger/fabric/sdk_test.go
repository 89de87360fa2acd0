package fabric

import (
	"fmt"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// throughSDK has a profile use the program of the SDK, built here.
func throughSDK(t *testing.T) func(*Profile) *Profile {
	t.Helper()
	path, err := fabricnet.SDK(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return func(p *Profile) *Profile {
		p.Client, p.SDK = "sdk", path
		return p
	}
}

// TestContractSDK holds the engine to the same contract where peers have no
// gateway that could be asked.
func TestContractSDK(t *testing.T) {
	var names []string
	for i := range ledgertest.Ledgers {
		names = append(names, fmt.Sprintf("ledger%02d", i))
	}
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, names...)
	writer := issue(t, n, 0, "writer", chaincode.Writer)
	sdk := throughSDK(t)
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger {
		name := names[0]
		names = names[1:]
		return open(t, sdk(profileOf(t, n, name, writer)))
	})
}
