package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"

	"golang.org/x/crypto/scrypt"
)

// Of an encrypted key, all but the key is in the hands of whoever wrote the
// file. These bounds hold the work that it asks of us to about 3 s and 256 MiB.
const (
	maxIterations   = 10_000_000
	maxScryptMemory = 256 << 20 // 128·N·r bytes
	maxScryptWork   = 1 << 22   // N·r·p
	maxSalt         = 1024      // bytes
)

// The structures of RFC 8018, appendix A.2 to A.4, and RFC 7914, section 7.
type (
	encryptedKey struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params struct{ KDF, Cipher pkix.AlgorithmIdentifier }
		}
		Data []byte
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	scryptParams struct {
		Salt    []byte
		N, R, P int
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	oidSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES128 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2} // in CBC mode, as those below
	oidAES192 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// An encrypted is an encrypted key whose parameters were read, and are within
// the bounds.
type encrypted struct {
	derive func(passphrase []byte) ([]byte, error) // gives the key of AES
	iv     []byte
	data   []byte // whole blocks, one at least
}

// parseEncrypted reads EncryptedPrivateKeyInfo (RFC 5958, section 3), without
// doing any of the work that it asks for. Its errors are ErrKeyFile.
func parseEncrypted(der []byte) (*encrypted, error) {
	var k encryptedKey
	if !decode(der, &k) {
		return nil, unread("its encryption is not PBES2")
	}
	if !k.Algorithm.OID.Equal(oidPBES2) {
		return nil, unread("its encryption is not PBES2 but %v", k.Algorithm.OID)
	}
	e := &encrypted{data: k.Data}
	var size int // of the key of AES, in bytes
	switch oid := k.Algorithm.Params.Cipher.Algorithm; {
	case oid.Equal(oidAES128):
		size = 16
	case oid.Equal(oidAES192):
		size = 24
	case oid.Equal(oidAES256):
		size = 32
	default:
		return nil, unread("its cipher is not AES-CBC but %v", oid)
	}
	iv := k.Algorithm.Params.Cipher.Parameters.FullBytes
	if !decode(iv, &e.iv) || len(e.iv) != aes.BlockSize || len(e.data) == 0 || len(e.data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: damaged", ErrKeyFile)
	}
	var err error
	switch kdf := k.Algorithm.Params.KDF; {
	case kdf.Algorithm.Equal(oidPBKDF2):
		e.derive, err = parsePBKDF2(kdf.Parameters.FullBytes, size)
	case kdf.Algorithm.Equal(oidScrypt):
		e.derive, err = parseScrypt(kdf.Parameters.FullBytes, size)
	default:
		err = unread("its key derivation is neither PBKDF2 nor scrypt but %v", kdf.Algorithm)
	}
	return e, err
}

// unread refuses what openssl may read, and can write anew.
func unread(format string, args ...any) error {
	return fmt.Errorf("%w: %s; `openssl pkey -in FILE -aes256 -out NEW` converts it", ErrKeyFile, fmt.Sprintf(format, args...))
}

func parsePBKDF2(der []byte, size int) (func([]byte) ([]byte, error), error) {
	var p pbkdf2Params
	if !decode(der, &p) {
		return nil, unread("the parameters of its PBKDF2 are not understood")
	}
	var prf func() hash.Hash
	switch oid := p.PRF.Algorithm; {
	case len(oid) == 0 || oid.Equal(oidSHA1): // the default
		prf = sha1.New
	case oid.Equal(oidSHA256):
		prf = sha256.New
	default:
		return nil, unread("its PBKDF2 uses neither SHA-256 nor SHA-1 but %v", oid)
	}
	if p.Iterations < 1 || p.Iterations > maxIterations || len(p.Salt) > maxSalt {
		return nil, unread("its PBKDF2 asks for %d iterations, where 1 to %d are accepted", p.Iterations, maxIterations)
	}
	return func(passphrase []byte) ([]byte, error) {
		return pbkdf2.Key(prf, string(passphrase), p.Salt, p.Iterations, size)
	}, nil
}

func parseScrypt(der []byte, size int) (func([]byte) ([]byte, error), error) {
	var p scryptParams
	if !decode(der, &p) {
		return nil, unread("the parameters of its scrypt are not understood")
	}
	// One after the other, so that no product overflows.
	if p.N < 2 || p.N&(p.N-1) != 0 || p.R < 1 || p.P < 1 || len(p.Salt) > maxSalt ||
		p.N > maxScryptWork || p.R > maxScryptWork/p.N || p.P > maxScryptWork/(p.N*p.R) ||
		p.N*p.R > maxScryptMemory/128 {
		return nil, unread("its scrypt asks for N=%d, r=%d, p=%d, which is not accepted", p.N, p.R, p.P)
	}
	return func(passphrase []byte) ([]byte, error) {
		return scrypt.Key(passphrase, p.Salt, p.N, p.R, p.P, size)
	}, nil
}

// decrypt gives the PKCS#8 of the key. Most wrong passphrases are ErrPassphrase;
// of one in 256 the padding looks right.
func (e *encrypted) decrypt(passphrase []byte) ([]byte, error) {
	key, err := e.derive(passphrase)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.data)
	// Padding (RFC 8018, section 6.1.1): n bytes n. Whoever could learn something
	// from how long this takes has the file, and tries passphrases by himself.
	n := int(plain[len(plain)-1])
	if n < 1 || n > aes.BlockSize || !bytes.HasSuffix(plain, padding(n)) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-n], nil
}

func padding(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }

// encrypt is the reverse: PBKDF2 with HMAC-SHA256, and AES-256 in CBC mode.
func encrypt(pkcs8, passphrase []byte, iterations int) ([]byte, error) {
	random := make([]byte, 16+aes.BlockSize)
	rand.Read(random)
	salt, iv := random[:16], random[16:]
	key, err := pbkdf2.Key(sha256.New, string(passphrase), salt, iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var k encryptedKey
	k.Data = append(bytes.Clone(pkcs8), padding(aes.BlockSize-len(pkcs8)%aes.BlockSize)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(k.Data, k.Data)
	k.Algorithm.OID = oidPBES2
	params := &k.Algorithm.Params
	params.KDF.Algorithm, params.Cipher.Algorithm = oidPBKDF2, oidAES256
	if params.KDF.Parameters.FullBytes, err = asn1.Marshal(pbkdf2Params{salt, iterations, pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}}); err != nil {
		return nil, err
	}
	if params.Cipher.Parameters.FullBytes, err = asn1.Marshal(iv); err != nil {
		return nil, err
	}
	return asn1.Marshal(k)
}

// decode reads DER that holds v and nothing else: what is more, or is encoded
// in another way, does not come back when it is encoded again.
func decode[T any](der []byte, v *T) bool {
	if rest, err := asn1.Unmarshal(der, v); err != nil || len(rest) > 0 {
		return false
	}
	again, err := asn1.Marshal(*v)
	return err == nil && bytes.Equal(again, der)
}
