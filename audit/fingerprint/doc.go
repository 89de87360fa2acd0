// Package fingerprint says, in a few hundred bytes that can be signed, which
// files a folder holds.
//
// Each regular file has its SHA3-512, as openssl dgst -sha3-512 prints it.
// From these come a manifest that find, sort and openssl recompute, and two
// Merkle trees in the shape of RFC 6962: the path tree, whose leaves bind path,
// type, size and digest, and the content tree, whose leaves bind digest, size
// and number of copies and name no file. Both prove that something is there or
// that it is not. docs/formats.md describes every byte.
//
// What it guarantees:
//
//   - The result depends on names and contents alone: not on the number of
//     workers, the order of folders, times, owners, or where the folder lies.
//   - It describes one state: whatever changed between the first look and the
//     last fails the run, and so does what could not be read, unless the caller
//     accepts a result that says so.
//   - Nothing outside the folder is read, no symbolic link followed, and
//     nothing but regular files opened, so that no named pipe can stop a run.
//   - Memory does not grow with the number of files: what does not fit is
//     sorted on disk. It grows with the depth of folders, which also costs one
//     descriptor each for every worker.
//
// Fingerprints are taken on Unix systems; elsewhere Run, Check and File fail with
// errors.ErrUnsupported. Proofs and listings are read anywhere.
package fingerprint
