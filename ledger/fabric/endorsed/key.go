package endorsed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// kind begins the bytes of a key: 0xff is what C2SP signed-note leaves to those
// who name their own types of signatures.
const kind = "\xffmmaudit/fabric/v1"

// Limits of a key.
const (
	MaxKey           = 16 << 10 // bytes of its text
	MaxOrganisations = 32       // and as many that run orderers
	MaxCAs           = 8        // of an organisation
)

// A Key says whose endorsement of what counts.
type Key struct {
	Name string `json:"-"` // of the ledger: the origin in its checkpoints

	Chaincode string `json:"chaincode"`
	Channel   string `json:"channel"`
	Need      int    `json:"need"` // of how many organisations peers must endorse
	// Orderers are the organisations whose orderers sign blocks. There may be
	// none: then blocks are not held to a signature.
	Orderers      []Organisation `json:"orderers,omitempty"`
	Organisations []Organisation `json:"organisations"` // whose peers endorse
}

// An Organisation is one, with the certificate authorities that say who is its.
type Organisation struct {
	CAs []string `json:"cas"` // SHA-256 of the DER of their certificates, in hexadecimal, ascending
	MSP string   `json:"msp"` // its identifier on the channel
}

// Fingerprint is the name of a certificate authority in a key.
func Fingerprint(ca *x509.Certificate) string {
	sum := sha256.Sum256(ca.Raw)
	return hex.EncodeToString(sum[:])
}

// IsKey reports whether a verifier key claims to be one of this package, and
// not, for instance, an Ed25519 key.
func IsKey(vkey string) bool {
	_, rest, _ := strings.Cut(vkey, "+")
	_, text, _ := strings.Cut(rest, "+")
	data, _ := base64.StdEncoding.DecodeString(text)
	return bytes.HasPrefix(data, []byte(kind))
}

// ParseKey reads a verifier key. There is one text of each key: [Key.String].
func ParseKey(vkey string) (*Key, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	sum, text, _ := strings.Cut(rest, "+")
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	value, ok := bytes.CutPrefix(data, []byte(kind))
	if !ok {
		return nil, errors.New("verifier key is not one of a ledger on Fabric")
	}
	k := &Key{Name: name}
	if err := json.Unmarshal(value, k); err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	if err := k.Check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(k.bytes(), data) {
		return nil, errors.New("verifier key: its JSON is not canonical")
	}
	if hash := fmt.Sprintf("%08x", k.hash()); sum != hash {
		return nil, fmt.Errorf("verifier key has the hash %.20q, but %s belongs to it", sum, hash)
	}
	return k, nil
}

// String gives the verifier key: NAME+HASH+BASE64.
func (k *Key) String() string {
	return k.Name + "+" + fmt.Sprintf("%08x", k.hash()) + "+" + base64.StdEncoding.EncodeToString(k.bytes())
}

// JSON is the key without name and hash: canonical JSON (RFC 8785). The members
// of Key stand in order of their names, and Check lets in no character that would
// have to be escaped.
func (k *Key) JSON() []byte {
	value, err := json.Marshal(k)
	if err != nil {
		panic(err) // strings and a number
	}
	return value
}

// bytes are the public key, as C2SP calls it, behind its type.
func (k *Key) bytes() []byte { return append([]byte(kind), k.JSON()...) }

// hash is the key hash of C2SP signed-note.
func (k *Key) hash() uint32 {
	sum := sha256.Sum256(append([]byte(k.Name+"\n"), k.bytes()...))
	return binary.BigEndian.Uint32(sum[:])
}

var (
	channelName   = lazyre.New(`^[a-z][a-z0-9.-]{0,248}$`)
	chaincodeName = lazyre.New(`^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$`)
	mspName       = lazyre.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)
	digestName    = lazyre.New(`^[0-9a-f]{64}$`)
)

// Check says what is wrong with a key, if anything is.
func (k *Key) Check() error {
	valid := k.Name != "" && utf8.ValidString(k.Name) && !strings.Contains(k.Name, "+") && strings.IndexFunc(k.Name, unicode.IsSpace) < 0
	switch {
	case !valid:
		return fmt.Errorf("verifier key: %.80q cannot be the name of a ledger", k.Name)
	case !channelName().MatchString(k.Channel):
		return fmt.Errorf("verifier key: %.80q cannot be the name of a channel", k.Channel)
	case len(k.Chaincode) > 255 || !chaincodeName().MatchString(k.Chaincode):
		return fmt.Errorf("verifier key: %.80q cannot be the name of a chaincode", k.Chaincode)
	case len(k.Organisations) == 0:
		return errors.New("verifier key: no organisation endorses")
	case k.Need < 1 || k.Need > len(k.Organisations):
		return fmt.Errorf("verifier key: %d of %d organisations cannot endorse", k.Need, len(k.Organisations))
	}
	if err := check("organisations", k.Organisations); err != nil {
		return err
	}
	if err := check("orderers", k.Orderers); err != nil {
		return err
	}
	speaks := map[string]string{}
	for _, o := range k.Organisations {
		for _, ca := range o.CAs {
			if other, ok := speaks[ca]; ok {
				return fmt.Errorf("verifier key: one certificate authority speaks for %q and %q, which are to be different", other, o.MSP)
			}
			speaks[ca] = o.MSP
		}
	}
	if n := len(k.String()); n > MaxKey {
		return fmt.Errorf("verifier key has %d bytes, want at most %d", n, MaxKey)
	}
	return nil
}

func check(what string, all []Organisation) error {
	if len(all) > MaxOrganisations {
		return fmt.Errorf("verifier key: %d %s, want at most %d", len(all), what, MaxOrganisations)
	}
	for i, o := range all {
		if !mspName().MatchString(o.MSP) {
			return fmt.Errorf("verifier key: %.80q cannot be an organisation", o.MSP)
		}
		if i > 0 && all[i-1].MSP >= o.MSP {
			return fmt.Errorf("verifier key: %s are not in order at %q, or it is there twice", what, o.MSP)
		}
		if len(o.CAs) == 0 || len(o.CAs) > MaxCAs {
			return fmt.Errorf("verifier key: %q has %d certificate authorities, want 1 to %d", o.MSP, len(o.CAs), MaxCAs)
		}
		for j, ca := range o.CAs {
			if !digestName().MatchString(ca) {
				return fmt.Errorf("verifier key: %.80q of %q is not a SHA-256 in hexadecimal", ca, o.MSP)
			}
			if j > 0 && o.CAs[j-1] >= ca {
				return fmt.Errorf("verifier key: the certificate authorities of %q are not in order at %s, or it is there twice", o.MSP, strconv.Quote(ca[:8]))
			}
		}
	}
	return nil
}

// Sort puts organisations and their authorities in order, as a key must have them.
func (k *Key) Sort() {
	for _, all := range [][]Organisation{k.Organisations, k.Orderers} {
		slices.SortFunc(all, func(a, b Organisation) int { return strings.Compare(a.MSP, b.MSP) })
		for i := range all {
			slices.Sort(all[i].CAs)
			all[i].CAs = slices.Compact(all[i].CAs)
		}
	}
}

// Names reports whether the key names a certificate authority.
func (k *Key) Names(ca *x509.Certificate) bool {
	return names(k.Organisations, ca) || names(k.Orderers, ca)
}

func names(all []Organisation, ca *x509.Certificate) bool {
	name := Fingerprint(ca)
	return slices.ContainsFunc(all, func(o Organisation) bool { return slices.Contains(o.CAs, name) })
}
