package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

const (
	privateBlock   = "PRIVATE KEY"
	encryptedBlock = "ENCRYPTED PRIVATE KEY"
	publicBlock    = "PUBLIC KEY"
)

// maxFile bounds a key file, in bytes. Ours have less than 600.
const maxFile = 64 << 10

// iterations is how often files that we write hash the passphrase: OWASP's
// figure for PBKDF2 with HMAC-SHA256 (2023). It is what a guess costs.
const iterations = 600_000

// Marshal gives the key as a file: PKCS#8 in PEM, encrypted unless passphrase
// is nil, and after it the public key. That one shows which key it is without
// the passphrase, and a flipped bit in the private one, which encryption
// without authentication would let pass as another key.
func (k *Private) Marshal(passphrase []byte) ([]byte, error) {
	return k.marshal(passphrase, iterations)
}

func (k *Private) marshal(passphrase []byte, iterations int) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, err
	}
	block := pem.Block{Type: privateBlock, Bytes: der}
	if passphrase != nil {
		if err := checkPassphrase(passphrase); err != nil {
			return nil, err
		}
		block.Type = encryptedBlock
		if block.Bytes, err = encrypt(der, passphrase, iterations); err != nil {
			return nil, err
		}
	}
	return append(pem.EncodeToMemory(&block), k.public.PEM()...), nil
}

// Parse reads a key file: one block "PRIVATE KEY", or "ENCRYPTED PRIVATE KEY"
// with its passphrase, and perhaps the block "PUBLIC KEY" of the same key. A
// passphrase for a file that is not encrypted is not looked at.
func Parse(pem, passphrase []byte) (*Private, error) {
	if len(pem) > maxFile {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrKeyFile, maxFile)
	}
	private, public, err := blocks(pem)
	switch {
	case err != nil:
		return nil, err
	case private == nil:
		return nil, fmt.Errorf("%w: it has a public key only", ErrKeyFile)
	}
	der, encrypted := private.Bytes, private.Type == encryptedBlock
	if encrypted {
		e, err := parseEncrypted(der)
		if err != nil {
			return nil, err
		}
		if len(passphrase) == 0 {
			return nil, ErrPassphraseNeeded
		}
		if der, err = e.decrypt(passphrase); err != nil {
			return nil, err
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	switch {
	case err != nil && encrypted:
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, ErrKeyType
	}
	k, err := privateOf(signer)
	if err != nil || public == nil {
		return k, err
	}
	if want, err := parseSPKI(public.Bytes); err != nil {
		return nil, err
	} else if want != k.public {
		return nil, fmt.Errorf("%w: its public key is not that of its private key: the file is damaged", ErrKeyFile)
	}
	return k, nil
}

// Encrypted reports whether a key file needs a passphrase.
func Encrypted(file []byte) bool {
	private, _, err := blocks(file)
	return err == nil && private != nil && private.Type == encryptedBlock
}

// blocks finds the private and the public key of a PEM file: one of each at
// most, one at least, and no other. Text around them is left alone, as
// openssl does.
func blocks(file []byte) (private, public *pem.Block, err error) {
	n := 0
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		n++
		to := &private
		switch block.Type {
		case privateBlock, encryptedBlock:
		case publicBlock:
			to = &public
		case "EC PRIVATE KEY", "EC PARAMETERS", "RSA PRIVATE KEY":
			return nil, nil, fmt.Errorf("%w: %q is a format of old; `openssl pkcs8 -topk8 -in FILE -out NEW` converts it", ErrKeyFile, block.Type)
		default:
			return nil, nil, fmt.Errorf("%w: it has a block %q", ErrKeyFile, block.Type)
		}
		if len(block.Headers) > 0 {
			return nil, nil, fmt.Errorf("%w: the block %q has headers", ErrKeyFile, block.Type)
		}
		if *to != nil {
			return nil, nil, fmt.Errorf("%w: it has more than one key", ErrKeyFile)
		}
		*to = block
	}
	switch begun := bytes.Count(file, []byte("-----BEGIN ")); {
	case begun == 0:
		return nil, nil, fmt.Errorf("%w: no PEM block in it", ErrKeyFile)
	case begun != n: // what does not decode is skipped without a word
		return nil, nil, fmt.Errorf("%w: a PEM block of it is damaged", ErrKeyFile)
	}
	return private, public, nil
}
