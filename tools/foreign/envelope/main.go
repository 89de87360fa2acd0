// Envelope verifies and makes DSSE envelopes with software that is not ours:
// go-securesystemslib, and in-toto's attestation for the statements in them.
// Tests run it.
//
//	envelope verify THRESHOLD KEY… <ENVELOPE    the IDs of the keys that count, then the payload
//	envelope sign KEY… <PAYLOAD                 an envelope
//
// A KEY is a PEM file: of a public key, or PKCS#8. Its ID is the SHA-256 of the
// SubjectPublicKeyInfo, or for signing with FOREIGN_IDS=1 the library's own.
package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	attestation "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
	"google.golang.org/protobuf/encoding/protojson"
)

const payloadType = "application/vnd.in-toto+json"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	switch {
	case len(args) > 2 && args[0] == "verify":
		threshold, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return verify(input, threshold, args[2:])
	case len(args) > 1 && args[0] == "sign":
		return sign(input, args[1:])
	}
	return errors.New("usage: envelope verify THRESHOLD KEY… | envelope sign KEY…")
}

func verify(input []byte, threshold int, names []string) error {
	var keys []dsse.Verifier
	for _, name := range names {
		key, err := load(name)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	verifier, err := dsse.NewMultiEnvelopeVerifier(threshold, keys...)
	if err != nil {
		return err
	}
	var e dsse.Envelope
	if err := json.Unmarshal(input, &e); err != nil {
		return err
	}
	accepted, payload, err := verifier.VerifyAndDecode(context.Background(), &e)
	if err != nil {
		return err
	}
	if e.PayloadType != payloadType {
		return fmt.Errorf("payload type %q", e.PayloadType)
	}
	var statement attestation.Statement
	if err := protojson.Unmarshal(payload, &statement); err != nil {
		return err
	}
	if err := statement.Validate(); err != nil {
		return err
	}
	for _, key := range accepted {
		fmt.Println(key.KeyID)
	}
	_, err = os.Stdout.Write(payload)
	return err
}

func sign(payload []byte, names []string) error {
	var keys []dsse.Signer
	for _, name := range names {
		key, err := load(name)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	signer, err := dsse.NewEnvelopeSigner(keys...)
	if err != nil {
		return err
	}
	e, err := signer.SignPayload(context.Background(), payloadType, payload)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(e)
}

func load(name string) (dsse.SignerVerifier, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	key, err := signerverifier.LoadKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if os.Getenv("FOREIGN_IDS") == "" {
		block, _ := pem.Decode(data)
		if key.KeyID, err = spkiID(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if key.KeyType == signerverifier.ECDSAKeyType {
		return signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	}
	return signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
}

// spkiID gives the SHA-256 of the public key in a public or private one.
func spkiID(der []byte) (string, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if der, err = x509.MarshalPKIXPublicKey(key.(crypto.Signer).Public()); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}
