package chaincode

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// FuzzAnchorRequest: what is taken as a request keeps within the limits, and is
// taken again when it is written.
func FuzzAnchorRequest(f *testing.F) {
	genesis := strings.Repeat("0a", 64)
	for _, q := range []wire.AnchorRequest{
		{Note: "a\n1\nb\n\n— a c\n"},
		{Note: "x", From: 1, Consistency: ledger.Proof{{1}}, Records: []wire.AnchorRecord{
			{Index: 0, Record: []byte("r"), Proof: ledger.Proof{{2}}}, {Index: 7, Record: []byte("s")},
		}},
	} {
		text, err := json.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(genesis, text)
	}
	f.Add(strings.ToUpper(genesis), []byte(`{}`))
	f.Add(genesis, []byte(`{"records":[{"index":1},{"index":1}]}`))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		q, err := anchorRequest([][]byte{[]byte(name), text})
		if err != nil {
			return
		}
		if len(name) != 128 || len(q.Note) > wire.MaxNote || len(q.Records) > wire.MaxAnchorRecords {
			t.Fatalf("%q: %+v", name, q)
		}
		for i, r := range q.Records {
			if r.Index < int64(i) || len(r.Record) > ledger.MaxRecord {
				t.Fatalf("record %d is %d, of %d bytes", i, r.Index, len(r.Record))
			}
		}
		all, _, err := union(nil, q.Records)
		if err != nil || len(all) != len(q.Records) {
			t.Fatalf("%d records of %d, %v", len(all), len(q.Records), err)
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := anchorRequest([][]byte{[]byte(name), again}); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
