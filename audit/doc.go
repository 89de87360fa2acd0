// Package audit says what a record is: one event of the life of a model
// version, as an in-toto Statement v1 (https://in-toto.io/Statement/v1) in a
// DSSE envelope, in the canonical form of RFC 8785.
//
// A [Predicate] is what happened. [Predicate.Encode] gives the statement that is
// signed, [Seal] signs it, [Open] reads a record back and [KeysOf] tells a ledger
// under which keys it is found. The events are a table, [Kinds]: who may sign
// one, what it must say, and what must have come before.
//
// What it guarantees: a record that Open accepts has exactly one byte form, says
// what its event must say, and lost nothing on the way: no unknown member, no
// rounded number, no key twice. Whether its signatures are to be trusted is for
// audit/trust to say, and whether it came in order for audit/lifecycle.
package audit
