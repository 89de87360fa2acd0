package fabric

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/schemas"
)

// TestTemplate wants a profile that is one as it is printed, and with everything
// that may be left out.
func TestTemplate(t *testing.T) {
	text, err := Template(nil)
	if err != nil {
		t.Fatal(err)
	}
	short, err := ParseProfile(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	full := regexp.MustCompile(`(?m)^( *(?:- )?)#( *[a-z]+:| *- |  +#)`).ReplaceAll(text, []byte("$1$2"))
	long, err := ParseProfile(full)
	if err != nil {
		t.Fatalf("%v\n%s", err, full)
	}
	// What stands there is what goes without saying.
	if short.Timeouts != long.Timeouts {
		t.Errorf("%+v, by default %+v", long.Timeouts, short.Timeouts)
	}
	// Every member of the schema is there.
	var printed, schema yaml.Node
	if err := yaml.Unmarshal(full, &printed); err != nil {
		t.Fatal(err)
	}
	schemaText, err := schemas.Files.ReadFile("fabric.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(schemaText, &schema); err != nil {
		t.Fatal(err)
	}
	var same func(at string, schema, value *yaml.Node)
	same = func(at string, schema, value *yaml.Node) {
		if items := of(schema, "items"); items != nil && value.Kind == yaml.SequenceNode {
			same(at, items, value.Content[0])
		}
		properties := of(schema, "properties")
		if properties == nil {
			return
		}
		for i := 0; i < len(properties.Content); i += 2 {
			name := properties.Content[i].Value
			v := of(value, name)
			if v == nil {
				t.Errorf("%s.%s is missing", at, name)
				continue
			}
			same(at+"."+name, properties.Content[i+1], v)
		}
	}
	same("", schema.Content[0], printed.Content[0])
}

const connection = `{
  "name": "test-network-org1", "version": "1.0.0",
  "client": {"organization": "Org1"},
  "organizations": {"Org1": {"mspid": "Org1MSP", "peers": ["peer1.org1.example.com", "peer0.org1.example.com"], "certificateAuthorities": ["ca.org1.example.com"]},
    "Org2": {"mspid": "Org2MSP", "peers": ["../peer.org2"]}},
  "peers": {
    "../peer.org2": {"url": "grpcs://peer.org2.test", "tlsCACerts": {"path": "tls/ca.crt"}},
    "peer0.org1.example.com": {"url": "grpcs://localhost:7051", "tlsCACerts": {"pem": "-----BEGIN CERTIFICATE-----\nA\n"},
      "grpcOptions": {"ssl-target-name-override": "peer0.org1.example.com", "hostnameOverride": "peer0.org1.example.com", "keep-alive": 1}},
    "peer1.org1.example.com": {"url": "grpcs://peer1.org1.example.com:7052", "tlsCACerts": {"pem": ["B", "C"]}, "grpcOptions": {"hostnameOverride": "peer1.org1.example.com"}}
  },
  "certificateAuthorities": {"ca.org1.example.com": {"url": "https://localhost:7054"}},
  "channels": {"mychannel": {"peers": {"peer0.org1.example.com": {}}}}
}`

func TestConnection(t *testing.T) {
	c, err := ParseConnection([]byte(connection), "/net")
	if err != nil {
		t.Fatal(err)
	}
	want := &Connection{"Org1MSP", "mychannel", []ConnectionPeer{
		{Label: "peer1.org1.example.com", Address: "peer1.org1.example.com:7052", PEM: []byte("B\nC")},
		{Label: "peer0.org1.example.com", Address: "localhost:7051", Name: "peer0.org1.example.com", PEM: []byte("-----BEGIN CERTIFICATE-----\nA\n")},
		{Label: "__peer.org2", Address: "peer.org2.test:7051", File: "/net/tls/ca.crt"},
	}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v\nwant %+v", c, want)
	}
	text, err := Template(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProfile(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if p.Channel != "mychannel" || p.Identity.MSP != "Org1MSP" || !reflect.DeepEqual(p.Peers, []Peer{
		{Address: "peer1.org1.example.com:7052", TLS: "peer1.org1.example.com-tls.pem"},
		{Address: "localhost:7051", TLS: "peer0.org1.example.com-tls.pem", Name: "peer0.org1.example.com"},
		{Address: "peer.org2.test:7051", TLS: "/net/tls/ca.crt"},
	}) {
		t.Errorf("%+v", p)
	}
}

func TestConnectionErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{connection, "", "it has no peers"},
		{connection, "a: [", "line 1"},
		{`"grpcs://localhost:7051"`, `"grpc://localhost:7051"`, `peer "peer0.org1.example.com": url "grpc://localhost:7051" has no TLS`},
		{`"grpcs://localhost:7051"`, `"localhost:7051"`, "want grpcs://HOST:PORT"},
		{`{"path": "tls/ca.crt"}`, `{}`, "has no tlsCACerts"},
		{`["B", "C"]`, `{}`, "cannot unmarshal"},
	} {
		if _, err := ParseConnection([]byte(strings.Replace(connection, c.old, c.new, 1)), ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.new, err, c.want)
		}
	}
}

func FuzzConnection(f *testing.F) {
	f.Add([]byte(connection))
	f.Add([]byte("peers: {p: {url: 'grpcs://h', tlsCACerts: {pem: [a]}}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConnection(text, "")
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if c == nil {
			return
		}
		for _, p := range c.Peers {
			if p.PEM != nil && strings.ContainsAny(p.TLS(), `/\`) {
				t.Errorf("a file %q", p.TLS())
			}
		}
		filled, err := Template(c)
		if err != nil {
			t.Fatal(err)
		}
		var any any
		if err := yaml.Unmarshal(filled, &any); err != nil {
			t.Errorf("%v\n%s", err, filled)
		}
	})
}
