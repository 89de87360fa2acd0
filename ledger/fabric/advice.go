package fabric

import (
	"errors"
	"strings"
)

// advices are what peers and their connections say when it is the profile, or
// the network, that is wrong, and what to do.
var advices = []struct{ says, hint string }{
	{"unknown service", "the peer has no Gateway service: it is older than 2.4 (client: sdk in the profile; docs/fabric.md), or peer.discovery.enabled or peer.gateway.enabled is false"},
	{"failed to verify certificate", "tls: of the peer must be the certificate of the TLS CA of its organisation, and name: a name in the peer's certificate"},
	{"access denied", "is identity.msp the organisation whose authority issued identity.certificate, and is it on the channel?"},
	{"failed to get config for channel", "is channel: right, and has the peer joined it? `peer channel list` says which it has"},
	{"no peers available to evaluate chaincode", "is chaincode: right, is it committed on the channel, and does its service run? docs/fabric.md, \"Deploy\""},
	{"no combination of peers can be derived", "too few organisations can be reached to endorse a record: their peers must run, with the chaincode and its service"},
	{"timeout expired while starting chaincode", "a service answers where the package says, and not as the peer wants it: --id of auditlog-chaincode must be the id of the package that its organisation approved, and TLS on both sides or on none"},
	{"could not launch chaincode", "the service of the chaincode does not run, or not where its package says: docs/fabric.md, \"Deploy\""},
	{"connection refused", "is the network running, and are the addresses of the profile those of its peers?"},
	{"no such host", "are the addresses of the profile those of its peers?"},
}

// Advice says what to do about an error that a network gave. It reports whether
// it is one.
func Advice(err error) (hint string, ok bool) {
	var f *failure
	if !errors.As(err, &f) && !errors.Is(err, errUnavailable) && !errors.Is(err, errFinal) {
		return "", false
	}
	for _, a := range advices {
		if strings.Contains(err.Error(), a.says) {
			return a.hint, true
		}
	}
	return "", true
}
