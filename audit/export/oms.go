package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
)

// omsType is the predicate of model_signing 1.0.
const omsType = "https://model_signing/signature/v1.0"

// SignatureName is the file beside the model in which model_signing looks for a
// signature. It is not part of what is signed.
const SignatureName = "model.sig"

// ignored are the names at the top of a model that model_signing leaves out
// unless it is told otherwise.
var ignored = []string{SignatureName, ".git", ".gitattributes", ".github", ".gitignore"}

// resource is a file of a model.
type resource struct {
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
	Name      string `json:"name"`
}

type omsPredicate struct {
	Resources     []resource `json:"resources"`
	Serialization struct {
		Method        string   `json:"method"`
		Hash          string   `json:"hash_type"`
		AllowSymlinks bool     `json:"allow_symlinks"`
		Ignore        []string `json:"ignore_paths"`
	} `json:"serialization"`
}

func makeOMS(ctx context.Context, v *version) ([]byte, error) {
	if len(v.outputs()) == 0 {
		return nil, ErrNoRun
	}
	if v.cut() {
		return nil, ErrCut
	}
	var files []resource
	top, several := "", false
	for _, a := range v.outputs() {
		name := path.Clean(a.Name)
		in := name
		if a.Kind == "file" {
			in = path.Dir(name)
			if a.Digest["sha256"] == "" {
				return nil, fmt.Errorf("%w: of %q", ErrNoFiles, a.Name)
			}
			files = append(files, resource{"sha256", a.Digest["sha256"], name})
		} else {
			more, err := v.filesOf(ctx, &a)
			if err != nil {
				return nil, err
			}
			files = append(files, more...)
		}
		if !several {
			top, several = in, true
		} else {
			top = common(top, in)
		}
	}
	// Names are relative to the folder that holds all of them.
	var p omsPredicate
	for _, f := range files {
		f.Name = strings.TrimPrefix(strings.TrimPrefix(f.Name, top), "/")
		if first, _, _ := strings.Cut(f.Name, "/"); !slices.Contains(ignored, first) {
			p.Resources = append(p.Resources, f)
		}
	}
	slices.SortFunc(p.Resources, func(a, b resource) int { return strings.Compare(a.Name, b.Name) })
	root := sha256.New()
	for i, f := range p.Resources {
		if i > 0 && f.Name == p.Resources[i-1].Name {
			return nil, fmt.Errorf("%w: %q is named twice", ErrNoFiles, f.Name)
		}
		raw, err := hex.DecodeString(f.Digest)
		if err != nil {
			return nil, err
		}
		root.Write(raw)
	}
	p.Serialization.Method, p.Serialization.Hash, p.Serialization.Ignore = "files", "sha256", ignored
	name := path.Base(top)
	if top == "" || top == "." || top == "/" {
		name = v.Model
	}
	subject := descriptor{Name: name, Digest: map[string]string{"sha256": hex.EncodeToString(root.Sum(nil))}}
	return statement([]descriptor{subject}, omsType, p)
}

// common is the deepest folder that holds both.
func common(a, b string) string {
	for a != "." && a != "/" && b != a && !strings.HasPrefix(b, a+"/") {
		a = path.Dir(a)
	}
	if a == "." {
		return ""
	}
	return a
}

// filesOf lists the files of a folder by the listing that has the folder's tree:
// one that is attached to the record, or the caller's.
func (v *version) filesOf(ctx context.Context, a *audit.Artifact) ([]resource, error) {
	var listings []func() (io.ReadCloser, error)
	for _, doc := range v.run.ended.Record.Predicate().Attachments {
		listings = append(listings, func() (io.ReadCloser, error) { return v.open(&doc) })
	}
	if v.Listing != nil {
		listings = append(listings, v.Listing)
	}
	for _, open := range listings {
		r, err := open()
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		_, err = fingerprint.Prove(ctx, r, *a.Tree, "")
		r.Close()
		if err == nil {
			return list(a, open)
		}
		if errors.Is(err, ErrDocument) || ctx.Err() != nil {
			return nil, err
		}
		// another document, or of another folder
	}
	return nil, fmt.Errorf("%w: no listing of %q, as the run left it, is at hand", ErrNoFiles, a.Name)
}

func list(a *audit.Artifact, open func() (io.ReadCloser, error)) ([]resource, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fmt.Errorf("%w: the listing of %q has gone", ErrNoFiles, a.Name)
	}
	defer r.Close()
	var files []resource
	for e, err := range fingerprint.Entries(r) {
		switch {
		case err != nil:
			return nil, fmt.Errorf("listing of %q: %w", a.Name, err)
		case e.Type != fingerprint.TypeFile:
			return nil, fmt.Errorf("%w: %q is a %s, which model_signing refuses", ErrNoFiles, e.Path, e.Type)
		case e.SHA256 == nil:
			return nil, fmt.Errorf("%w: the listing of %q has no SHA-256", ErrNoFiles, a.Name)
		case !utf8.ValidString(e.Path):
			return nil, fmt.Errorf("%w: %q is not UTF-8, which model_signing refuses", ErrNoFiles, e.Path)
		}
		files = append(files, resource{"sha256", hex.EncodeToString(e.SHA256), path.Clean(a.Name) + "/" + e.Path})
	}
	return files, nil
}
