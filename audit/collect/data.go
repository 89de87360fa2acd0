package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
)

// A DataSource is a folder of data, or one file, and what its owner says of it.
type DataSource struct {
	Path string
	Role string // train, val, test, …; may be empty
	Name string // "" is the last part of the path
	// NoListing leaves out the list of files, without which nobody can prove
	// later that a file was among them or was not.
	NoListing bool
	// Parts is the folder in which shards have left what they read of it, if
	// they have (fingerprint.RunShard). The files then count as cached.
	Parts string

	Source, AcquiredAt, Medium, Sampling, Licence, Classification string
}

// Data fingerprints a data set and keeps its listing.
func (c *Collector) Data(ctx context.Context, d DataSource) (audit.Dataset, error) {
	name, err := nameOf(d.Name, d.Path)
	if err != nil {
		return audit.Dataset{}, err
	}
	out := audit.Dataset{
		Name: name, Role: d.Role,
		Source: d.Source, AcquiredAt: d.AcquiredAt, Medium: d.Medium, Sampling: d.Sampling,
		Licence: d.Licence, Classification: d.Classification,
	}
	o := c.Fingerprint
	if d.Parts != "" { // no file is read that could come from a cache
		o.Parts, o.Cache = d.Parts, ""
	}
	if !d.NoListing {
		listing, err := c.Blobs.New()
		if err != nil {
			return out, err
		}
		defer listing.Abort()
		o.Listing = listing
		result, err := fingerprint.Run(ctx, d.Path, o)
		if err != nil {
			return out, err
		}
		out.Fingerprint = *result
		out.Listing, err = listing.Commit(name+".listing.jsonl", "application/x-ndjson")
		return out, err
	}
	result, err := fingerprint.Run(ctx, d.Path, o)
	if err != nil {
		return out, err
	}
	out.Fingerprint = *result
	return out, nil
}

// Artifact hashes a file or a folder that an event left. That of a folder keeps
// no list of files.
func (c *Collector) Artifact(ctx context.Context, path string) (audit.Artifact, error) {
	name, err := nameOf("", path)
	if err != nil {
		return audit.Artifact{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return audit.Artifact{}, err
	}
	if !info.IsDir() {
		f, err := fingerprint.File(ctx, path, c.Fingerprint)
		if err != nil {
			return audit.Artifact{}, err
		}
		return audit.Artifact{Name: name, Kind: "file", Size: int64(f.Size), Digest: audit.DigestSet{
			"sha3_512": f.SHA3_512.String(), "sha256": hex.EncodeToString(f.SHA256[:]),
		}}, nil
	}
	manifest := sha256.New()
	o := c.Fingerprint
	o.Manifest = manifest
	result, err := fingerprint.Run(ctx, path, o)
	if err != nil {
		return audit.Artifact{}, err
	}
	if result.Status != fingerprint.Complete {
		return audit.Artifact{}, fmt.Errorf("%s: an artefact must be readable in full", path)
	}
	return audit.Artifact{
		Name: name, Kind: "folder", Size: int64(result.Bytes), Tree: &result.Tree,
		Digest: audit.DigestSet{"sha3_512": result.Manifest.String(), "sha256": hex.EncodeToString(manifest.Sum(nil))},
	}, nil
}

// Document keeps a document as it is. Nothing is taken out of it.
func (c *Collector) Document(ctx context.Context, path string) (*audit.Attachment, error) {
	name, err := nameOf("", path)
	if err != nil {
		return nil, err
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return c.Blobs.Put(ctx, name, mediaType(path), f)
}

// mediaTypes of documents by the endings of their names. The system's list is
// not asked: records of two machines would differ.
var mediaTypes = map[string]string{
	".json": "application/json", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson",
	".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml", ".xml": "application/xml",
	".txt": "text/plain", ".log": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html",
	".pdf": "application/pdf", ".png": "image/png", ".zip": "application/zip",
}

func mediaType(path string) string {
	return cmp.Or(mediaTypes[strings.ToLower(filepath.Ext(path))], "application/octet-stream")
}

// nameOf names what lies at a path for people: its last part.
func nameOf(given, path string) (string, error) {
	if given != "" {
		return given, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.Base(abs), nil
}

// openRegular opens a file that is one: a pipe could block for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is a folder")}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is no regular file")}
	}
	return os.Open(path)
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", path, limit)
	}
	return data, err
}
