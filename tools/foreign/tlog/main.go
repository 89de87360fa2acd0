// Command tlog lets software that is not ours judge what is ours, for tests.
//
//	tlog read DIR VKEY [WITNESS-VKEY ...]
//		reads a log with torchwood, asks for a signature of each key, prints
//		size, root and the SHA-256 of the length and bytes of each record
//	tlog prove < LINES
//		checks proofs with transparency-dev/merkle: those that hold are counted.
//		Hashes of 64 bytes are SHA3-512, others SHA-256
//	tlog agent SOCKET
//		serves a new Ed25519 key as an ssh-agent until stdin ends, for
//		litewitness; prints its fingerprint
//	tlog addlog DB ORIGIN VKEY
//		adds a log to the database of a litewitness
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	_ "crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlog:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "read":
		return read(args[1], args[2], args[3:])
	case len(args) == 1 && args[0] == "prove":
		return prove(os.Stdin)
	case len(args) == 2 && args[0] == "agent":
		return serveAgent(args[1])
	case len(args) == 4 && args[0] == "addlog":
		return addLog(args[1], args[2], args[3])
	}
	return errors.New("usage: see the comment of the program")
}

func read(dir, vkey string, witnesses []string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	policies := []torchwood.Policy{torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)}
	for _, w := range witnesses {
		cosigner, err := torchwood.NewCosignatureVerifier(w)
		if err != nil {
			return err
		}
		policies = append(policies, torchwood.SingleVerifierPolicy(cosigner))
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	c, _, err := torchwood.VerifyCheckpoint(data, torchwood.ThresholdPolicy(len(policies), policies...))
	if err != nil {
		return err
	}
	tiles, err := torchwood.NewTileFS(os.DirFS(dir))
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		return err
	}
	ctx := context.Background()
	h, n := sha256.New(), int64(0)
	for i, entry := range client.AllEntries(ctx, c.Tree, 0) {
		if i != n {
			return fmt.Errorf("entry %d follows entry %d", i, n-1)
		}
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(entry))))
		h.Write(entry)
		n++
	}
	if err := client.Err(); err != nil {
		return err
	}
	if n != c.N {
		return fmt.Errorf("%d entries, and the checkpoint says %d", n, c.N)
	}
	for _, i := range []int64{0, n / 2, n - 1} {
		if i < 0 || n == 0 {
			continue
		}
		if _, _, err := client.Entry(ctx, c.Tree, i); err != nil {
			return err
		}
	}
	fmt.Printf("%d %x %x\n", c.N, c.Hash[:], h.Sum(nil))
	return nil
}

// prove reads lines of
//
//	inclusion INDEX SIZE LEAF-HASH ROOT HASH...
//	consistency OLD-SIZE SIZE OLD-ROOT ROOT HASH...
//
// with hashes in hexadecimal.
func prove(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	held, refused := 0, 0
	for lines.Scan() {
		var kind string
		var a, size uint64
		f := strings.Fields(lines.Text())
		if len(f) < 5 {
			return fmt.Errorf("line %q", lines.Text())
		}
		if _, err := fmt.Sscan(strings.Join(f[:3], " "), &kind, &a, &size); err != nil {
			return fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		var hashes [][]byte
		for _, s := range f[3:] {
			h, err := hex.DecodeString(s)
			if err != nil {
				return fmt.Errorf("line %q: %w", lines.Text(), err)
			}
			hashes = append(hashes, h)
		}
		hasher := rfc6962.DefaultHasher
		if len(hashes[0]) == 64 {
			hasher = rfc6962.New(crypto.SHA3_512)
		}
		var err error
		switch kind {
		case "inclusion":
			err = proof.VerifyInclusion(hasher, a, size, hashes[0], hashes[2:], hashes[1])
		case "consistency":
			err = proof.VerifyConsistency(hasher, a, size, hashes[2:], hashes[0], hashes[1])
		default:
			return fmt.Errorf("line %q", lines.Text())
		}
		if err != nil {
			refused++
		} else {
			held++
		}
	}
	fmt.Printf("%d hold, %d do not\n", held, refused)
	return lines.Err()
}

func serveAgent(socket string) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return err
	}
	pub, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(keys, conn)
		}
	}()
	fmt.Println(ssh.FingerprintSHA256(pub))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func addLog(db, origin, vkey string) error {
	conn, err := sqlite.OpenConn(db, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	empty := sha256.Sum256(nil)
	add := func(query string, args ...any) {
		if err == nil {
			err = sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args})
		}
	}
	add("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", origin, base64.StdEncoding.EncodeToString(empty[:]))
	add("INSERT INTO key (origin, key) VALUES (?, ?)", origin, vkey)
	return errors.Join(err, conn.Close())
}
