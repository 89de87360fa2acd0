package ledgertest

import (
	"bytes"
	"errors"
	"strings"

	"github.com/mmaudit/mmaudit/ledger"
)

// Record makes a record for KeysOf: an idempotency key, index keys, and any
// content. Neither id, names nor values have line breaks.
func Record(id, content string, keys ...ledger.Key) []byte {
	var b strings.Builder
	b.WriteString(id + "\n")
	for _, k := range keys {
		b.WriteString(k.Name + "=" + k.Value + "\n")
	}
	b.WriteString("\n" + content)
	return []byte(b.String())
}

// KeysOf derives the keys of a Record.
func KeysOf(record []byte) (ledger.Keys, error) {
	head, _, ok := bytes.Cut(record, []byte("\n\n"))
	if !ok {
		return ledger.Keys{}, errors.New("record has no blank line")
	}
	lines := strings.Split(string(head), "\n")
	keys := ledger.Keys{ID: lines[0]}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return ledger.Keys{}, errors.New("key line has no equals sign")
		}
		keys.Index = append(keys.Index, ledger.Key{Name: name, Value: value})
	}
	return keys, nil
}
