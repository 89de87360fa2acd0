// Package lifecycle reads the life of a model version out of its records: what
// happened, in order; the runs; what runs where; and above all what is missing,
// late, or contradicts itself.
//
// [Life.Timeline] is a pure function from records to a [Timeline], whose form is
// schemas/timeline.schema.json. What can be wrong is a table, [Catalogue]: each
// check is an entry with its severity, reason and hint, and one function.
//
// What it guarantees: the order of the ledger decides what came first, whatever
// clocks said; the same records give the same timeline, in whatever order they
// are given; nothing that a record says makes it panic; and a record that cannot
// be read or trusted is shown, with its problem, and not left out.
//
// What it cannot know: whether the records that it was given are all there are.
// That is for who looks them up (audit/query) and for the ledger's proofs.
package lifecycle
