package fabric

import (
	"errors"
	"testing"
)

// TestHandshakes: a peer that is not whom the profile names, or will not have the
// client, stays so; one that dies while it is called may come back.
func TestHandshakes(t *testing.T) {
	for says, want := range map[string]bool{
		"tls: failed to verify certificate: x509: certificate signed by unknown authority": true,
		"remote error: tls: bad certificate":                                               true,
		"tls: first record does not look like a TLS handshake":                             true,
		"read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer":                false,
		"write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe":                           false,
		"EOF":                       false,
		"context deadline exceeded": false,
	} {
		err := fail(errUnavailable, `connection error: desc = "transport: authentication handshake failed: `+says+`"`, errors.New(says))
		if !errors.Is(err, errUnavailable) || final(err) != want {
			t.Errorf("%v: final %v, want %v", err, final(err), want)
		}
	}
}
