// Command fabric measures ledgers on a network of Hyperledger Fabric that it
// starts itself, in one run, and prints tables:
//
//	go run ./internal/bench/fabric [-seconds N] [-rounds N] [-writers 1,64,256]
//	    [-blocks 50ms,200ms,2s] [-records N]
//
// Records and chaincode are those of auditlog: signed, about 2 KB, verified on the
// chain. The bare loop is what the documentation of fabric-gateway shows: one
// record a transaction, SubmitTransaction, which waits for the commit status.
// Client, peers, orderer and chaincode share the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

func main() {
	figures.Main("bench/fabric", run)
}

// bench is a run.
type bench struct {
	ctx context.Context
	dir string // of programs and ledgers
	sdk string // program

	seconds int
	rounds  int
	writers []int
	blocks  []time.Duration
	records int
}

func run(ctx context.Context) error {
	b := bench{ctx: ctx}
	flag.IntVar(&b.seconds, "seconds", 4, "of each contest")
	flag.IntVar(&b.rounds, "rounds", 1, "turns of each contestant")
	writers := flag.String("writers", "1,64,256", "how many goroutines append")
	blocks := flag.String("blocks", "50ms,200ms,2s", "after which times blocks are cut")
	flag.IntVar(&b.records, "records", 2000, "among which a version is sought")
	profile := flag.String("cpuprofile", "", "`FILE` for a profile of this process")
	flag.Parse()
	for w := range strings.SplitSeq(*writers, ",") {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return fmt.Errorf("-writers %q: want numbers", *writers)
		}
		b.writers = append(b.writers, n)
	}
	for w := range strings.SplitSeq(*blocks, ",") {
		d, err := time.ParseDuration(w)
		if err != nil || d <= 0 {
			return fmt.Errorf("-blocks %q: want times such as 200ms", *blocks)
		}
		b.blocks = append(b.blocks, d)
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "bench-fabric-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", b.dir+"/", "./cmd/auditlog-chaincode").CombinedOutput()
	if err != nil {
		return fmt.Errorf("run this in the root of the repository: %w\n%s", err, out)
	}
	if b.sdk, err = fabricnet.SDK(ctx, b.dir); err != nil {
		return err
	}
	stop, err := profiled(*profile)
	if err != nil {
		return err
	}
	defer stop()

	fmt.Printf("%s; load %s\n\n", figures.Machine(b.dir), figures.Load())
	for _, block := range b.blocks {
		if err := b.onNetwork(block, b.throughput); err != nil {
			return err
		}
	}
	if b.records > 0 {
		return b.onNetwork(50*time.Millisecond, b.reading)
	}
	return nil
}

// chaincodes are the names under which a network has the contract.
var chaincodes = []string{"bare", "gateway", "sdk"}

// onNetwork runs a part on a network of its own.
func (b *bench) onNetwork(block time.Duration, part func(*fabricnet.Network) error) error {
	n, err := fabricnet.Start(b.ctx, fabricnet.Options{BatchTimeout: block})
	if err != nil {
		return err
	}
	defer n.Stop()
	service := fabricnet.Chaincode{Path: filepath.Join(b.dir, "auditlog-chaincode"), Args: []string{"--insecure"}}
	if _, err := n.Deploy(b.ctx, service, chaincodes...); err != nil {
		return err
	}
	return part(n)
}

func quantile(xs []time.Duration, q float64) time.Duration {
	if len(xs) == 0 {
		return 0
	}
	xs = slices.Sorted(slices.Values(xs))
	return xs[int(q*float64(len(xs)-1))]
}

// ms gives milliseconds.
func ms(d time.Duration) string { return figures.Digits(float64(d.Microseconds()) / 1000) }
