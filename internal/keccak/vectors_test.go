package keccak

import (
	"encoding/hex"
	"strings"
	"testing"
)

// vectors are the messages of whole bytes among NIST's examples of FIPS 202
// (csrc.nist.gov, "Cryptographic Standards and Guidelines: Example Values",
// SHA3-512_Msg0 and SHA3-512_1600), and those of FIPS 180 that the Keccak team
// and NIST's test vectors carry over to SHA-3. Each digest is also what OpenSSL
// prints.
var vectors = []struct{ name, message, digest string }{
	{"nothing", "", "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26"},
	{"abc", "abc", "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
	{"448 bits", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636dee691fbe0c985302ba1b0d8dc78c086346b533b49c030d99a27daf1139d6e75e"},
	{"896 bits", "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360feebf18a4fa73e3261122948efcfd492e74e82e2189ed0fb440d187f382270cb455f21dd185"},
	{"1600 bits", strings.Repeat("\xa3", 200), "e76dfad22084a8b1467fcf2ffa58361bec7628edf5f3fdc0e4805dc48caeeca81b7c13c30adf52a3659584739a2df46be589c51ca1a4a8416df6545a1ce8ba00"},
	{"a million", strings.Repeat("a", 1_000_000), "3c3a876da14034ab60627c077bb98f7e120a2a5370212dffb3385a18d4f38859ed311d0a9d5141ce9cc5c66ee689b266a8aa18ace8282a0e0db596c90b0a7b87"},
}

// TestVectors hashes them one by one, and side by side in each order of lanes.
func TestVectors(t *testing.T) {
	for _, e := range Engines() {
		t.Run(e.Name, func(t *testing.T) {
			for shift := range vectors {
				var messages [][]byte
				for i := range vectors {
					messages = append(messages, []byte(vectors[(i+shift)%len(vectors)].message))
				}
				for i, got := range sums(e, messages) {
					v := vectors[(i+shift)%len(vectors)]
					alone := sums(e, messages[i:i+1])[0]
					if hex.EncodeToString(got[:]) != v.digest || alone != got {
						t.Errorf("%s: %x, alone %x, want %s", v.name, got, alone, v.digest)
					}
				}
			}
		})
	}
}
