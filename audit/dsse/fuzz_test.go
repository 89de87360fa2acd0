package dsse

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// otherS gives the signature (r, n-s) for (r, s): anybody can.
func otherS(t *testing.T, sig []byte) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &rs); err != nil {
		t.Fatal(err)
	}
	rs.S.Sub(elliptic.P256().Params().N, rs.S)
	out, err := asn1.Marshal(rs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzParse: what is an envelope of ours is its own only form, is canonical
// JSON, and means to others what it means to us.
func FuzzParse(f *testing.F) {
	id := strings.Repeat("0123456789abcdef", 4)
	for _, seed := range []string{
		`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"` + id + `","sig":"AAAA"}]}`,
		`{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"` + id + `","sig":"AA=="},{"keyid":"` + id[1:] + `f","sig":"AAA="}]}`,
		`{"payloadType":"text","payload":"_-8","signatures":[{"sig":"AA","x":{}}, {"keyid":"","sig":"+/8="}]}`,
		`{"payload":"e30=","payloadType":"application\/vnd.in-toto+json","signatures":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		foreign, errForeign := ParseForeign(data)
		if (foreign == nil) != (errForeign != nil) {
			t.Errorf("%v beside %v", foreign, errForeign)
		}
		e, err := Parse(data)
		if (e == nil) != (err != nil) {
			t.Errorf("%v beside %v", e, err)
		}
		if err != nil {
			return
		}
		if again, err := e.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s comes back as %s, %v", data, again, err)
		}
		if !canonical.IsCanonical(data) {
			t.Errorf("%s is not canonical", data)
		}
		if errForeign != nil {
			t.Fatalf("%s is none to others: %v", data, errForeign)
		}
		foreign.ours = true
		if !reflect.DeepEqual(e, foreign) {
			t.Errorf("we read %+v, others %+v", e, foreign)
		}
	})
}

// BenchmarkVerify compares parsing and verifying an envelope with verifying its
// signature alone.
func BenchmarkVerify(b *testing.B) {
	payload := strings.Replace(statement, "run", strings.Repeat("r", 4<<10), 1)
	for _, k := range generate(b, 2) {
		envelope := sign(b, payload, k)
		name := string(k.Public().Algorithm())
		b.Run(name+"/envelope", func(b *testing.B) {
			for b.Loop() {
				e, err := Parse(envelope)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Verify(1, k.Public()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/signature", func(b *testing.B) {
			e := parseOK(b, envelope)
			message := PAE(e.PayloadType, e.Payload)
			for b.Loop() {
				if err := k.Public().Verify(message, e.Signatures[0].Sig); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/parse", func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(envelope); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/sign", func(b *testing.B) {
			for b.Loop() {
				sign(b, payload, k)
			}
		})
	}
}
