package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	protos "github.com/hyperledger/fabric-protos-go/msp"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/logging"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/providers/core"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/providers/fab"
	"github.com/hyperledger/fabric-sdk-go/pkg/common/providers/msp"
	"github.com/hyperledger/fabric-sdk-go/pkg/context"
	"github.com/hyperledger/fabric-sdk-go/pkg/core/cryptosuite"
	"github.com/hyperledger/fabric-sdk-go/pkg/core/cryptosuite/bccsp/sw"
	"github.com/hyperledger/fabric-sdk-go/pkg/core/logging/modlog"
	sdk "github.com/hyperledger/fabric-sdk-go/pkg/fab"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/signingmgr"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/pipe"
)

// quiet has the SDK log nothing but what is beyond an error: errors are answers.
func quiet() {
	logging.Initialize(modlog.LoggerProvider())
	for _, module := range []string{"fabsdk", "fabsdk/core", "fabsdk/fab", "fabsdk/client", "fabsdk/common", "fabsdk/util"} {
		logging.SetLevel(module, logging.CRITICAL)
	}
}

// contextOf makes what the SDK wants to have at hand everywhere. Of its
// configuration nothing is used but the defaults.
func contextOf(h *pipe.Hello, c *connections) (*context.Client, error) {
	config, err := sdk.ConfigFromBackend()
	if err != nil {
		return nil, err
	}
	suite, err := sw.GetSuiteWithDefaultEphemeral()
	if err != nil {
		return nil, err
	}
	signing, err := signingmgr.New(suite)
	if err != nil {
		return nil, err
	}
	id, err := identityOf(h, suite, signing)
	if err != nil {
		return nil, err
	}
	return &context.Client{
		Providers: context.NewProvider(
			context.WithEndpointConfig(config), context.WithCryptoSuite(suite),
			context.WithSigningManager(signing), context.WithInfraProvider(infrastructure{c})),
		SigningIdentity: id,
	}, nil
}

// infrastructure has the SDK use our connections. Peers and orderers are made
// where they are needed.
type infrastructure struct{ c *connections }

func (i infrastructure) CommManager() fab.CommManager { return i.c }
func (i infrastructure) Close()                       {}

func (i infrastructure) CreatePeerFromConfig(*fab.NetworkPeer) (fab.Peer, error) {
	return nil, errors.New("no peers by configuration")
}

func (i infrastructure) CreateOrdererFromConfig(*fab.OrdererConfig) (fab.Orderer, error) {
	return nil, errors.New("no orderers by configuration")
}

// An identity is who the client is. It implements msp.SigningIdentity.
type identity struct {
	msp        string
	cert       []byte // PEM
	serialized []byte
	key        core.Key
	signing    core.SigningManager
}

func identityOf(h *pipe.Hello, suite core.CryptoSuite, signing core.SigningManager) (*identity, error) {
	cert, _ := pem.Decode([]byte(h.Certificate))
	key, _ := pem.Decode([]byte(h.Key))
	if cert == nil || key == nil {
		return nil, errors.New("certificate or key are not PEM")
	}
	if _, err := x509.ParseCertificate(cert.Bytes); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	k, err := suite.KeyImport(key.Bytes, cryptosuite.GetECDSAPrivateKeyImportOpts(true))
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	serialized, err := marshal(&protos.SerializedIdentity{Mspid: h.MSP, IdBytes: []byte(h.Certificate)})
	if err != nil {
		return nil, err
	}
	return &identity{h.MSP, []byte(h.Certificate), serialized, k, signing}, nil
}

func (i *identity) Identifier() *msp.IdentityIdentifier { return &msp.IdentityIdentifier{MSPID: i.msp} }
func (i *identity) Serialize() ([]byte, error)          { return i.serialized, nil }
func (i *identity) EnrollmentCertificate() []byte       { return i.cert }
func (i *identity) PublicVersion() msp.Identity         { return i }
func (i *identity) PrivateKey() core.Key                { return i.key }
func (i *identity) Sign(text []byte) ([]byte, error)    { return i.signing.Sign(text, i.key) }
func (i *identity) Verify(_, _ []byte) error            { return errors.New("not needed") }
