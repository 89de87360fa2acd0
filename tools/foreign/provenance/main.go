// Provenance reads a statement of SLSA provenance v1 with in-toto's own types and
// writes what they made of it. Tests run it.
//
//	provenance <STATEMENT
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	attestation "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var s attestation.Statement
	if err := protojson.Unmarshal(input, &s); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	if want := "https://slsa.dev/provenance/v1"; s.PredicateType != want {
		return fmt.Errorf("predicate of type %q, want %q", s.PredicateType, want)
	}
	text, err := protojson.Marshal(s.Predicate)
	if err != nil {
		return err
	}
	var p slsa.Provenance
	if err := protojson.Unmarshal(text, &p); err != nil { // refuses fields that it does not know
		return err
	}
	if err := p.Validate(); err != nil {
		return err
	}
	m := p.RunDetails.Metadata
	if m.StartedOn == nil || m.FinishedOn == nil {
		return errors.New("no times")
	}
	fmt.Println("builder", p.RunDetails.Builder.Id)
	fmt.Println("invocation", m.InvocationId, m.StartedOn.AsTime().Format("15:04:05.000"), m.FinishedOn.AsTime().Format("15:04:05.000"))
	for _, r := range s.Subject {
		fmt.Println("subject", r.Name, r.Digest["sha256"])
	}
	for _, r := range p.BuildDefinition.ResolvedDependencies {
		fmt.Println("dependency", r.Name)
	}
	return nil
}
