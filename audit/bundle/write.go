package bundle

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// Options say what goes into a bundle.
type Options struct {
	// Question is what the bundle answers, in words. Model and Version name the
	// version that it is about, if it is one.
	Question       string
	Model, Version string
	// Indices are the records that answer it, in any order. Records about keys
	// and policy are added.
	Indices []int64
	// Head is the head at which they were found; zero: the newest.
	Head ledger.Head
	// Documents opens a document that a record names; what it says is
	// fs.ErrNotExist is left out, and listed as absent. Nil: there are none.
	Documents func(*audit.Attachment) (io.ReadCloser, error)
	// Listings has the lists of files of data sets put in too.
	Listings bool
	// Anchors are the evidence of anchors, one of each network, of trees that are
	// no larger than that of Head.
	Anchors []*anchored.Evidence
	// Trust is a trust file for who has none. It proves nothing from in here.
	Trust *trust.Anchor
	// Extra are files for people, such as index.html. They prove nothing.
	Extra map[string][]byte
}

// maxMember is the most bytes of a member: beyond, the headers of a zip have
// another form.
const maxMember = 1<<32 - 2

// Write writes a bundle of records of a ledger, and returns its table of
// contents. The same ledger and options give the same bytes. Options that can
// never be right, and documents that are not what their record says, are
// ErrInvalid.
func Write(ctx context.Context, w io.Writer, l ledger.Ledger, o Options) (*Manifest, error) {
	if o.Head.Note == nil {
		head, err := l.Head(ctx)
		if err != nil {
			return nil, err
		}
		o.Head = head
	}
	if len(o.Indices) == 0 || (o.Model == "") != (o.Version == "") {
		return nil, fmt.Errorf("%w: no records, or a model without version", ErrInvalid)
	}
	k, err := trust.Load(ctx, l, o.Head.Size)
	if err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, l: l, o: o}
	b.add(checkpointFile, o.Head.Note)
	if err := errors.Join(b.addRecords(k), b.addKeys(k), b.addAnchors(k)); err != nil {
		return nil, err
	}
	if err := b.addDocuments(); err != nil {
		return nil, err
	}
	if o.Trust != nil {
		file, err := o.Trust.Marshal()
		if err != nil {
			return nil, err
		}
		b.add(trustFile, file)
	}
	var extra []string
	for name, data := range o.Extra {
		if err := checkExtra(name); err != nil {
			return nil, err
		}
		extra = append(extra, name)
		b.add(name, data)
	}
	b.add(readmeFile, readme(o.Head, b.records, slices.ContainsFunc(k.LogKeys(), endorsed.IsKey)))

	b.sort()
	m := derive(o.Question, o.Model, o.Version, o.Head, b.records, extra, b.files)
	manifest, err := m.marshal()
	if err != nil {
		return nil, err
	}
	b.add(manifestFile, manifest)
	b.sort()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m, writeZip(w, b.members)
}

// A builder gathers members. Files are those members that are listed.
type builder struct {
	ctx     context.Context
	l       ledger.Ledger
	o       Options
	records []indexed
	members []member
	files   []File
}

func (b *builder) add(name string, data []byte) {
	b.members = append(b.members, memberOf(name, data))
	b.files = append(b.files, File{name, int64(len(data)), audit.DigestOf(data)})
}

func (b *builder) sort() {
	slices.SortFunc(b.members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	slices.SortFunc(b.files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
}

func (b *builder) addRecords(k *trust.Keyring) error {
	indices := slices.Clone(b.o.Indices)
	for _, c := range k.Changes() {
		indices = append(indices, c.Index)
	}
	slices.Sort(indices)
	for _, i := range slices.Compact(indices) {
		e, err := b.l.Get(b.ctx, i)
		if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		proof, err := b.l.ProveInclusion(b.ctx, b.o.Head.Size, i)
		if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		b.records = append(b.records, openRecord(i, e.Record))
		b.add(recordFile(i), e.Record)
		b.add(proofFile(i), marshalProof(proof))
	}
	return nil
}

// A proof is a file with a hash in each line, in base64, from the leaf up.
func marshalProof(p ledger.Proof) []byte {
	var b []byte
	for _, h := range p {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return b
}

func parseProof(file []byte) (ledger.Proof, error) {
	var p ledger.Proof
	for line := range strings.Lines(string(file)) {
		h, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(line, "\n"))
		if err != nil || len(h) != len(ledger.Hash{}) {
			return nil, fmt.Errorf("line %d is not a hash", len(p)+1)
		}
		p = append(p, ledger.Hash(h))
	}
	if string(marshalProof(p)) != string(file) {
		return nil, errors.New("its hashes are not written as base64, one to a line")
	}
	return p, nil
}

// addKeys adds all keys that ever were trusted, for openssl.
func (b *builder) addKeys(k *trust.Keyring) error {
	files, err := keyFiles(k, b.o.Head.Note)
	for name, data := range files {
		b.add(name, data)
	}
	return err
}

// keyFiles gives the files of the keys of people, and of the log, with the
// endorsements of a checkpoint that organisations have signed.
func keyFiles(k *trust.Keyring, checkpoint []byte) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, key := range k.Keys() {
		files[keyFile(key.ID)] = key.Public.PEM()
	}
	for _, vkey := range k.LogKeys() {
		if endorsed.IsKey(vkey) {
			more, err := networkFiles(vkey, checkpoint)
			if err != nil {
				return nil, err
			}
			maps.Copy(files, more)
			continue
		}
		parts := strings.SplitN(vkey, "+", 3)
		raw, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil || len(raw) < 1 {
			return nil, fmt.Errorf("verifier key %q is not one", vkey)
		}
		// SubjectPublicKeyInfo of Ed25519, RFC 8410.
		der := append([]byte("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"), raw[1:]...)
		public, err := keys.ParsePublic(der)
		if err != nil {
			return nil, fmt.Errorf("verifier key %q: %w", vkey, err)
		}
		files["keys/log-"+parts[1]+".pem"] = public.PEM()
	}
	return files, nil
}

// addDocuments adds what the records name and is to be had. Each document is
// read twice, so that none is ever held in memory.
func (b *builder) addDocuments() error {
	if b.o.Documents == nil {
		return nil
	}
	done := map[string]bool{}
	for _, r := range b.records {
		if r.err != nil {
			continue
		}
		for _, d := range r.Predicate().Documents() {
			name := documentFile(d.Attachment)
			if done[name] || d.Listing && !b.o.Listings {
				continue
			}
			done[name] = true
			if d.Size > maxMember {
				return fmt.Errorf("%w: document %q of record %d has %d bytes, at most %d: hand it over beside the bundle", ErrInvalid, d.Name, r.index, d.Size, int64(maxMember))
			}
			open := func() (io.ReadCloser, error) { return b.o.Documents(d.Attachment) }
			in, err := open()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("document %q of record %d: %w", d.Name, r.index, err)
			}
			got, err := measure(io.LimitReader(in, d.Size+1), true)
			if err = errors.Join(err, in.Close()); err == nil {
				err = got.differs(d.Attachment)
			}
			if err != nil {
				return fmt.Errorf("%w: document %q of record %d: %w", ErrInvalid, d.Name, r.index, err)
			}
			b.members = append(b.members, member{name, got.size, got.crc, open})
			b.files = append(b.files, File{name, got.size, got.digest["sha3_512"]})
		}
	}
	return nil
}

// measures are what can be held against an attachment.
type measures struct {
	size   int64
	crc    uint32
	digest audit.DigestSet
}

// measure reads all. Of what is no document, SHA3-512 is enough.
func measure(r io.Reader, document bool) (measures, error) {
	crc := crc32.NewIEEE()
	hashes := map[string]hash.Hash{"sha3_512": sha3.New512()}
	if document {
		hashes["sha256"], hashes["sha512"], hashes["sha384"] = sha256.New(), sha512.New(), sha512.New384()
	}
	all := []io.Writer{crc}
	for _, h := range hashes {
		all = append(all, h)
	}
	n, err := io.Copy(io.MultiWriter(all...), r)
	m := measures{n, crc.Sum32(), audit.DigestSet{}}
	for name, h := range hashes {
		m.digest[name] = hex.EncodeToString(h.Sum(nil))
	}
	return m, err
}

// differs says in what a document is not the one that a record names.
func (m measures) differs(a *audit.Attachment) error {
	if m.size != a.Size {
		return fmt.Errorf("it does not have the %d bytes that the record says", a.Size)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Digest)) {
		if got, known := m.digest[name]; known && got != a.Digest[name] {
			return fmt.Errorf("its %s is %s, the record says %s", name, got, a.Digest[name])
		}
	}
	return nil
}
