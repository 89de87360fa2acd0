package fabric

import (
	"regexp"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// layers are what the layers below put before what went wrong, and say nothing
// to people.
var layers = []struct {
	pattern func() *regexp.Regexp
	instead string
}{
	{lazyre.New(`rpc error: code = \w+ desc = `), ""},
	{lazyre.New(`(?i)connection error: desc = "((?:[^"\\]|\\.)*)"`), "$1"},
	{lazyre.New(`(?i)transport: (?:error while dialing: )?`), ""},
	{lazyre.New(`error in simulation: failed to execute transaction [0-9a-f]{64}: `), ""},
	{lazyre.New(`connection to \S+ failed: error cannot create connection for \S+: error creating grpc connection to \S+: (?:failed to create new connection: )?`), ""},
	{lazyre.New(`\\+"`), `"`},
	{lazyre.New(`context deadline exceeded`), "no answer in time"},
}

// plain says what an error of gRPC, or of a peer, says, without its layers.
func plain(says string) string {
	for _, l := range layers {
		says = l.pattern().ReplaceAllString(says, l.instead)
	}
	return strings.TrimSpace(says)
}
