// Package endorsed verifies, offline, what peers of a channel of Hyperledger
// Fabric 2.5 have endorsed: answers of a chaincode, and blocks.
//
// A [Key] says whose word counts: channel and chaincode, organisations with
// their certificate authorities, and of how many organisations peers must say
// the same. It is written as a C2SP verifier key, so that it can stand wherever
// the key of a log stands, and [Key.Verifier] finds signed notes
// (golang.org/x/mod/sumdb/note) signed that carry an endorsed answer of
// the chaincode's function "checkpoint".
//
// What an endorsed answer proves: peers of so many of the organisations, each
// with a certificate of its organisation that was valid at the time that the
// transaction names, have run this function of this chaincode on this channel
// with these arguments, and have all got this payload. It does not have to be
// submitted, and a reader may have asked for it. What it does not prove: that
// these organisations did not agree to lie, that no certificate was revoked
// then, or when it was, since the time is a claim of the client.
//
// What a block proves is said at [Key.Block].
//
// Messages are read strictly: a field that appears twice, one that is not
// known, or bytes after the end are refused, so that nobody can read them
// otherwise. Nothing of gRPC and no message descriptors are linked. Everything
// here may be called concurrently. Formats: docs/formats.md, "Endorsed heads".
package endorsed
