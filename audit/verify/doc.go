// Package verify holds a ledger against everything that can be known of it: its
// signatures and hashes, the keys that it trusted, the documents that its records
// name, and what a verifier has from elsewhere (a trust file, an older
// checkpoint).
//
// The checks are a table, Catalogue. Each went well, failed, could not be carried
// out, or was skipped, and then the report says why: nothing that was not looked
// at is reported as good. Every finding names the file or the record to blame.
//
// What it guarantees: the same ledger and options give the same report, whatever
// the number of workers; a ledger that changes meanwhile is verified at one of
// its sizes; memory grows by about 60 bytes for each record and 300 for each
// document that is named.
package verify
