package bundle

import (
	"bytes"
	_ "embed"
	"strconv"
	"text/template"

	"github.com/mmaudit/mmaudit/ledger"
)

//go:embed readme.txt
var readmeText string

// readme tells how to verify the bundle by hand. The test runs its commands.
func readme(head ledger.Head, records []indexed, endorsed bool) []byte {
	var b bytes.Buffer
	err := template.Must(template.New("").Parse(readmeText)).Execute(&b, map[string]any{
		"Origin":  head.Origin,
		"Size":    strconv.FormatInt(head.Size, 10),
		"Records": strconv.Itoa(len(records)),
		// Organisations sign or have signed for the log.
		"Endorsed": endorsed,
	})
	if err != nil {
		panic(err) // the text is ours, and so are the values
	}
	return b.Bytes()
}
