package fabric

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// A Connection is what a connection profile of Fabric (connection-org1.yaml or
// .json, as the tools of its operators hand it out) says that a profile needs.
// It does not name the chaincode, or who the client is.
type Connection struct {
	MSP     string // of the client's organisation; may be empty
	Channel string // empty unless it has exactly one
	Peers   []ConnectionPeer
}

// A ConnectionPeer is a peer of a Connection.
type ConnectionPeer struct {
	Label   string // its name there, made fit for a file
	Address string // HOST:PORT
	Name    string // in its certificate, if not HOST
	PEM     []byte // certificates that vouch for its own, or
	File    string // the file that holds them
}

// ParseConnection reads a connection profile, YAML or JSON. Files are relative
// to folder.
func ParseConnection(text []byte, folder string) (*Connection, error) {
	if len(text) > maxProfile {
		return nil, fmt.Errorf("more than %d bytes", maxProfile)
	}
	var p struct {
		Client struct {
			Organization string `yaml:"organization"`
		} `yaml:"client"`
		Organizations map[string]struct {
			MSP   string   `yaml:"mspid"`
			Peers []string `yaml:"peers"`
		} `yaml:"organizations"`
		Channels map[string]any `yaml:"channels"`
		Peers    map[string]struct {
			URL string `yaml:"url"`
			TLS struct {
				PEM  texts  `yaml:"pem"`
				Path string `yaml:"path"`
			} `yaml:"tlsCACerts"`
			Options map[string]any `yaml:"grpcOptions"`
		} `yaml:"peers"`
	}
	if err := yaml.Unmarshal(text, &p); err != nil {
		var wrong *yaml.TypeError
		if errors.As(err, &wrong) {
			at, _, _ := strings.Cut(wrong.Errors[0], " into ") // Go's types follow
			return nil, fmt.Errorf("not a connection profile of Fabric: %s", at)
		}
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(p.Peers) == 0 {
		return nil, errors.New("not a connection profile of Fabric: it has no peers")
	}
	own := p.Client.Organization
	if own == "" && len(p.Organizations) == 1 {
		for own = range p.Organizations {
		}
	}
	c := &Connection{MSP: p.Organizations[own].MSP}
	if len(p.Channels) == 1 {
		for c.Channel = range p.Channels {
		}
	}
	// The organisation's own peers first, as it lists them.
	labels := slices.DeleteFunc(slices.Clone(p.Organizations[own].Peers), func(label string) bool { _, ok := p.Peers[label]; return !ok })
	for _, label := range slices.Sorted(maps.Keys(p.Peers)) {
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	for _, label := range labels {
		peer := p.Peers[label]
		out := ConnectionPeer{Label: unsafeInNames().ReplaceAllString(label, "_")}
		if len(peer.TLS.PEM) > 0 {
			out.PEM = []byte(strings.Join(peer.TLS.PEM, "\n"))
		}
		u, err := url.Parse(peer.URL)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("peer %q: url %q: want grpcs://HOST:PORT", label, peer.URL)
		}
		if u.Scheme != "grpcs" {
			return nil, fmt.Errorf("peer %q: url %q has no TLS, which a profile needs", label, peer.URL)
		}
		out.Address = u.Host
		if u.Port() == "" {
			out.Address = net.JoinHostPort(u.Hostname(), "7051")
		}
		for _, option := range []string{"ssl-target-name-override", "hostnameOverride"} {
			if name, ok := peer.Options[option].(string); ok && out.Name == "" && name != u.Hostname() {
				out.Name = name
			}
		}
		switch {
		case out.PEM != nil:
		case peer.TLS.Path == "":
			return nil, fmt.Errorf("peer %q has no tlsCACerts", label)
		case filepath.IsAbs(peer.TLS.Path):
			out.File = peer.TLS.Path
		default:
			out.File = filepath.Join(folder, peer.TLS.Path)
		}
		c.Peers = append(c.Peers, out)
	}
	return c, nil
}

// values are those of a Template.
func (c *Connection) values() map[string]any {
	values := map[string]any{}
	if c == nil {
		return values
	}
	if c.Channel != "" {
		values["channel"] = c.Channel
	}
	if c.MSP != "" {
		values["identity"] = map[string]any{"msp": c.MSP}
	}
	var peers []map[string]any
	for _, p := range c.Peers {
		peer := map[string]any{"address": p.Address, "tls": p.TLS()}
		if p.Name != "" {
			peer["name"] = p.Name
		}
		peers = append(peers, peer)
	}
	values["peers"] = peers
	return values
}

// TLS is the file that vouches for the peer; where PEM is set, the one into
// which it is to be written, beside the profile.
func (p ConnectionPeer) TLS() string {
	if p.PEM == nil {
		return p.File
	}
	return p.Label + "-tls.pem"
}

// unsafeInNames is what a name of a file of ours does not have.
var unsafeInNames = lazyre.New(`[^A-Za-z0-9._-]+|^\.+`)

// texts is one text or several.
type texts []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = texts{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}
