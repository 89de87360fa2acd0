//go:build unix

package fingerprint_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
)

// The owner of a data set publishes its fingerprint, keeps the listing, and
// proves later that a file was not in it. Whoever checks that needs the head
// and the proof.
func Example() {
	dir, err := os.MkdirTemp("", "data")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"000000.bin", "000002.bin"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	var listing bytes.Buffer
	published, err := fingerprint.Run(ctx, dir, fingerprint.Options{Listing: &listing})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d files, %.16s\n", published.Files, published.Tree.Root)

	proof, err := fingerprint.Prove(ctx, &listing, published.Tree, "000001.bin")
	if err != nil {
		log.Fatal(err)
	}
	sent := proof.Marshal()

	received, err := fingerprint.ParseProof(sent)
	if err != nil {
		log.Fatal(err)
	}
	if err := received.VerifyPath(published.Tree, "000001.bin"); err != nil {
		log.Fatal(err)
	}
	if received.Found == nil {
		fmt.Printf("not there: between %s and %s\n", received.Before.Leaf.Path, received.After.Leaf.Path)
	}
	// Output:
	// 2 files, ce51e1d0ca4f42b4
	// not there: between 000000.bin and 000002.bin
}
