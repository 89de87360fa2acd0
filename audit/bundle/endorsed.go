package bundle

import (
	"encoding/pem"
	"fmt"

	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// endorsedFolder holds the endorsements of a checkpoint in parts, for openssl.
const endorsedFolder = "endorsed/"

// networkFiles gives the files of a key of a ledger on Fabric, and of the
// endorsements by which it has signed the checkpoint, if it has.
func networkFiles(vkey string, checkpoint []byte) (map[string][]byte, error) {
	k, err := endorsed.ParseKey(vkey)
	if err != nil {
		return nil, fmt.Errorf("verifier key %q: %w", vkey, err)
	}
	id := fmt.Sprintf("%08x", k.Verifier().KeyHash())
	files := map[string][]byte{"keys/log-" + id + ".json": k.JSON()}
	a, cas, err := k.Open(checkpoint)
	if err != nil {
		return files, nil // it is another key's, or what the check of the checkpoint finds
	}
	cert := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	for _, ca := range cas {
		files["keys/ca-"+endorsed.Fingerprint(ca)+".pem"] = cert(ca.Raw)
	}
	files[endorsedFolder+id+".proposal"] = a.Proposal
	for _, e := range a.Endorsements {
		name := endorsedFolder + id + "-" + e.MSP
		files[name+".pem"], files[name+".signed"], files[name+".sig"] = cert(e.Certificate.Raw), e.Signed, e.Signature
	}
	return files, nil
}
