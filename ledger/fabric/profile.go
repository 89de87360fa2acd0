package fabric

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/schemas/shape"
)

// A Profile says how to reach a ledger and as whom:
// schemas/fabric.schema.json.
type Profile struct {
	Version   int      `yaml:"version"`
	Channel   string   `yaml:"channel"`
	Chaincode string   `yaml:"chaincode"`
	Origin    string   `yaml:"origin"` // name that the ledger must have; any if empty
	Identity  Identity `yaml:"identity"`
	Peers     []Peer   `yaml:"peers"`
	Timeouts  Timeouts `yaml:"timeouts"`
	Folder    string   `yaml:"folder"` // see Dir
	Client    string   `yaml:"client"` // gateway, or sdk for networks older than 2.4; gateway if empty
	SDK       string   `yaml:"sdk"`    // the program that is that client; see SDKProgram

	// For Key.
	Organisations []Organisation `yaml:"organisations"`
	Endorsements  int            `yaml:"endorsements"` // more than half of the organisations if 0
	Orderers      []Organisation `yaml:"orderers"`

	file string // where it was read
}

// An Identity is who the client is. Files are relative to the profile.
type Identity struct {
	MSP         string `yaml:"msp"`
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// An Organisation is one whose peers endorse, or whose orderers sign blocks.
type Organisation struct {
	MSP string `yaml:"msp"`
	CA  string `yaml:"ca"` // file of the certificates of its authorities
}

// A Peer is one to speak to. The first that can be reached serves.
type Peer struct {
	Address string `yaml:"address"` // HOST:PORT
	TLS     string `yaml:"tls"`     // file of the certificates behind its own
	Name    string `yaml:"name"`    // in its certificate, if not HOST
}

// Timeouts are limits of one step each. Zero is the default.
type Timeouts struct {
	Evaluate Duration `yaml:"evaluate"` // 10 s
	Endorse  Duration `yaml:"endorse"`  // 30 s
	Submit   Duration `yaml:"submit"`   // 10 s
	Commit   Duration `yaml:"commit"`   // 30 s: until an accepted transaction is valid
	Append   Duration `yaml:"append"`   // 2 min: for all attempts together
	Grace    Duration `yaml:"grace"`    // 1 s: for a peer, once another has answered
}

// A Duration is one as time.ParseDuration reads it.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err == nil && v <= 0 {
		err = fmt.Errorf("duration %q is not positive", n.Value)
	}
	*d = Duration(v)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// maxProfile is the most bytes of a profile.
const maxProfile = 1 << 20

// LoadProfile reads a profile.
func LoadProfile(file string) (*Profile, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	if n, err := text.ReadFrom(io.LimitReader(f, maxProfile+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	} else if n > maxProfile {
		return nil, fmt.Errorf("%s: more than %d bytes", file, maxProfile)
	}
	p, err := ParseProfile(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	p.file = file
	return p, nil
}

// ParseProfile reads the text of a profile. Files in it are relative to the
// working folder. What is wrong with it is told with line and field.
func ParseProfile(text []byte) (*Profile, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) == 0 {
		return nil, errors.New("empty profile")
	}
	var value any
	if err := root.Decode(&value); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	asJSON, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(asJSON, &value)
	}
	if err != nil {
		return nil, fmt.Errorf("not a profile: %w", err)
	}
	schema, err := profileSchema()
	if err != nil {
		return nil, err
	}
	if m := schema.Check(value); m != nil {
		field := strings.ReplaceAll(strings.Trim(m.Where, "/"), "/", ".")
		if field == "" {
			field = "profile"
		}
		if _, err := ParseConnection(text, ""); err == nil {
			return nil, errors.New("a connection profile of Fabric, and not the profile of a ledger")
		}
		return nil, fmt.Errorf("line %d: %s: %s", lineOf(root.Content[0], m.Where), field, m.Says)
	}
	var p Profile
	if err := root.Decode(&p); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if strings.HasPrefix(p.Identity.Key, "pkcs11:") { // of RFC 7512
		return nil, fmt.Errorf("line %d: identity.key: a key in a token (PKCS#11) is not supported: want a file", lineOf(root.Content[0], "/identity/key"))
	}
	t := &p.Timeouts
	for _, d := range []struct {
		field *Duration
		value time.Duration
	}{
		{&t.Evaluate, 10 * time.Second},
		{&t.Endorse, 30 * time.Second},
		{&t.Submit, 10 * time.Second},
		{&t.Commit, 30 * time.Second},
		{&t.Append, 2 * time.Minute},
		{&t.Grace, time.Second},
	} {
		if *d.field == 0 {
			*d.field = Duration(d.value)
		}
	}
	p.file = "profile"
	return &p, nil
}

var profileSchema = sync.OnceValues(func() (*shape.Shape, error) {
	text, err := schemas.Files.ReadFile("fabric.schema.json")
	if err != nil {
		return nil, err
	}
	return shape.Compile(text)
})

// name is what heads call the ledger.
func (p *Profile) name() string {
	return cmp.Or(p.Origin, "fabric/"+p.Channel+"/"+p.Chaincode)
}

// File is where the profile was read.
func (p *Profile) File() string { return p.file }

// Dir is the folder for what belongs to the ledger and is not on the chain. It
// need not be there.
func (p *Profile) Dir() string {
	if p.Folder != "" {
		return p.path(p.Folder)
	}
	return strings.TrimSuffix(p.file, filepath.Ext(p.file)) + ".ledger"
}

// path finds a file that the profile names.
func (p *Profile) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(p.file), file)
}

// lineOf finds the line of what a JSON pointer leads to, as far as it does.
func lineOf(n *yaml.Node, pointer string) int {
	for step := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
		next := n
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			for i, c := range n.Content {
				if fmt.Sprint(i) == step {
					next = c
				}
			}
		}
		n = next
	}
	return n.Line
}
