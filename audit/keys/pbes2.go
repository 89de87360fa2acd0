package keys

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
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
	oidAES    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}
	oidsCBC   = []int{2, 22, 42} // AES-128, 192 and 256 in CBC mode, below oidAES
)

// checkEncryption lets pass what the library that decrypts takes for what it
// is and can afford. By itself it panics on an IV of another length, takes GCM
// for CBC, leaves out keyLength, and derives for as long as it is told to.
func checkEncryption(der []byte) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s; `openssl pkey -in FILE -aes256 -out NEW` converts it", ErrKeyFile, fmt.Sprintf(format, args...))
	}
	var k encryptedKey
	if !decode(der, &k) {
		return refuse("its encryption is not PBES2")
	}
	if !k.Algorithm.OID.Equal(oidPBES2) {
		return refuse("its encryption is not PBES2 but %v", k.Algorithm.OID)
	}
	var iv []byte
	cipher := k.Algorithm.Params.Cipher
	if !isCBC(cipher.Algorithm) {
		return refuse("its cipher is not AES-CBC but %v", cipher.Algorithm)
	}
	if !decode(cipher.Parameters.FullBytes, &iv) || len(iv) != 16 || len(k.Data) == 0 || len(k.Data)%16 != 0 {
		return fmt.Errorf("%w: damaged", ErrKeyFile)
	}
	kdf := k.Algorithm.Params.KDF
	switch {
	case kdf.Algorithm.Equal(oidPBKDF2):
		var p pbkdf2Params
		if !decode(kdf.Parameters.FullBytes, &p) {
			return refuse("the parameters of its PBKDF2 are not understood")
		}
		if prf := p.PRF.Algorithm; len(prf) > 0 && !prf.Equal(oidSHA1) && !prf.Equal(oidSHA256) {
			return refuse("its PBKDF2 uses neither SHA-256 nor SHA-1 but %v", prf)
		}
		if p.Iterations < 1 || p.Iterations > maxIterations || len(p.Salt) > maxSalt {
			return refuse("its PBKDF2 asks for %d iterations, where 1 to %d are accepted", p.Iterations, maxIterations)
		}
	case kdf.Algorithm.Equal(oidScrypt):
		var p scryptParams
		if !decode(kdf.Parameters.FullBytes, &p) {
			return refuse("the parameters of its scrypt are not understood")
		}
		// One after the other, so that no product overflows.
		if p.N < 2 || p.N&(p.N-1) != 0 || p.R < 1 || p.P < 1 || len(p.Salt) > maxSalt ||
			p.N > maxScryptWork || p.R > maxScryptWork/p.N || p.P > maxScryptWork/(p.N*p.R) ||
			p.N*p.R > maxScryptMemory/128 {
			return refuse("its scrypt asks for N=%d, r=%d, p=%d, which is not accepted", p.N, p.R, p.P)
		}
	default:
		return refuse("its key derivation is neither PBKDF2 nor scrypt but %v", kdf.Algorithm)
	}
	return nil
}

func isCBC(oid asn1.ObjectIdentifier) bool {
	for _, last := range oidsCBC {
		if oid.Equal(append(oidAES[:len(oidAES):len(oidAES)], last)) {
			return true
		}
	}
	return false
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
