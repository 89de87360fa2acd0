package fabric

import "testing"

func TestPlain(t *testing.T) {
	const id = "auditlog:6fbd8f23d9511e230e0b0bb192028396cebd95ca03f8ea9200965fbe686bb7e3"
	const tx = "c94396be1405aefc295ff7bcba683ffe6ead6b36d8b8f75f8d597062893ea4ed"
	for says, want := range map[string]string{
		`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`: `dial tcp 127.0.0.1:1: connect: connection refused`,

		`rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate is valid for peer0.org1.test, not \"other\""`: `authentication handshake failed: tls: failed to verify certificate: x509: certificate is valid for peer0.org1.test, not "other"`,

		`rpc error: code = FailedPrecondition desc = no peers available to evaluate chaincode auditlog in channel audit`: `no peers available to evaluate chaincode auditlog in channel audit`,

		`endorse error: rpc error: code = Unavailable desc = failed to find any endorsing peers for org(s): Org2MSP`: `endorse error: failed to find any endorsing peers for org(s): Org2MSP`,

		`127.0.0.1:7051 of Org2MSP: error in simulation: failed to execute transaction ` + tx + `: could not launch chaincode ` + id + `: connection to ` + id + ` failed: error cannot create connection for ` + id + `: error creating grpc connection to 127.0.0.1:9992: failed to create new connection: connection error: desc = "transport: error while dialing: dial tcp 127.0.0.1:9992: connect: connection refused"`: `127.0.0.1:7051 of Org2MSP: could not launch chaincode ` + id + `: dial tcp 127.0.0.1:9992: connect: connection refused`,

		`submit error: context deadline exceeded`: `submit error: no answer in time`,

		`not stored`: `not stored`,
	} {
		if got := plain(says); got != want {
			t.Errorf("plain(%q)\n = %q\nwant %q", says, got, want)
		}
	}
}
