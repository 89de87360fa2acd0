package fabric

import (
	"regexp"
	"strings"
)

// layers are what the layers below put before what went wrong, and say nothing
// to people.
var layers = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`rpc error: code = \w+ desc = `), ""},
	{regexp.MustCompile(`(?i)connection error: desc = "((?:[^"\\]|\\.)*)"`), "$1"},
	{regexp.MustCompile(`(?i)transport: (?:error while dialing: )?`), ""},
	{regexp.MustCompile(`error in simulation: failed to execute transaction [0-9a-f]{64}: `), ""},
	{regexp.MustCompile(`connection to \S+ failed: error cannot create connection for \S+: error creating grpc connection to \S+: (?:failed to create new connection: )?`), ""},
	{regexp.MustCompile(`\\+"`), `"`},
	{regexp.MustCompile(`context deadline exceeded`), "no answer in time"},
}

// plain says what an error of gRPC, or of a peer, says, without its layers.
func plain(says string) string {
	for _, l := range layers {
		says = l.pattern.ReplaceAllString(says, l.instead)
	}
	return strings.TrimSpace(says)
}
