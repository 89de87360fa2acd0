package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// Config is ledger.json.
type Config struct {
	V      int    `json:"v"` // 1
	Origin string `json:"origin"`
	// Log are the verifier keys of checkpoints, as C2SP signed-note has them.
	// The first is of the key that signs now.
	Log    []string `json:"log"`
	LogKey LogKey   `json:"logKey,omitzero"` // not there in a mirror
	Mirror *Mirror  `json:"mirror,omitempty"`
	// Next is a key that will sign the log once a record says so.
	Next *NextKey `json:"next,omitempty"`
	// Witnesses cosign checkpoints, Quorum of them at least.
	Witnesses []Witness `json:"witnesses,omitempty"`
	Quorum    int       `json:"quorum,omitempty"`
}

// LogKey says how the key that signs checkpoints is found.
type LogKey struct {
	File string `json:"file"` // relative to the folder, or absolute
	// Passphrase is where the passphrase of an encrypted key comes from, as
	// keys.PassphraseSource has it.
	Passphrase string `json:"passphrase,omitempty"`
}

// NextKey is a key of the log that was made and does not sign yet.
type NextKey struct {
	Log string `json:"log"` // its verifier key
	LogKey
}

// Witness is a witness by C2SP tlog-witness.
type Witness struct {
	URL string `json:"url,omitempty"`
	Key string `json:"key"`
}

// ParseConfig reads ledger.json strictly. Its errors are ErrConfig.
func ParseConfig(text []byte) (Config, error) {
	var c Config
	if err := canonical.Decode(text, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	switch {
	case c.V != 1:
		return c, fmt.Errorf("%w: version %d, want 1", ErrConfig, c.V)
	case c.LogKey.File == "" && c.Mirror == nil:
		return c, fmt.Errorf("%w: logKey has no file", ErrConfig)
	case c.Mirror != nil && c.LogKey != LogKey{}:
		return c, fmt.Errorf("%w: a mirror has no logKey", ErrConfig)
	case c.Quorum < 0 || c.Quorum > len(c.Witnesses):
		return c, fmt.Errorf("%w: a quorum of %d among %d witnesses", ErrConfig, c.Quorum, len(c.Witnesses))
	case slices.ContainsFunc(c.Witnesses, func(w Witness) bool { return w.Key == "" }):
		return c, fmt.Errorf("%w: a witness without key", ErrConfig)
	}
	if c.Next != nil {
		if v, err := endorsed.NewVerifier(c.Next.Log); err != nil || v.Name() != c.Origin || c.Next.File == "" {
			return c, fmt.Errorf("%w: next is no key of %q with a file", ErrConfig, c.Origin)
		}
	}
	verifiers, err := c.Verifiers()
	if err != nil {
		return c, err
	}
	if len(verifiers) == 0 || verifiers[0].Name() != c.Origin {
		return c, fmt.Errorf("%w: log has no verifier key of %q in front", ErrConfig, c.Origin)
	}
	return c, nil
}

// Verifiers gives the verifiers of Log.
func (c *Config) Verifiers() ([]note.Verifier, error) {
	var all []note.Verifier
	for _, vkey := range c.Log {
		v, err := endorsed.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%w: verifier key %q: %w", ErrConfig, vkey, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func (c *Config) marshal() ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}
