package collect

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/audit/store"
)

// A ParamsSource says where hyper-parameters are written down. Later sources
// replace what earlier ones say, in this order: files, dumps of hooks,
// arguments.
type ParamsSource struct {
	Files []string // YAML, JSON, TOML, by their names
	Hooks []string // dumps of a training hook
	Args  []string // k=v
}

// Params reads, merges and redacts hyper-parameters, hashes what is left, and
// keeps its canonical form.
func (c *Collector) Params(ctx context.Context, from ParamsSource) (*audit.Params, error) {
	docs, err := from.read()
	if err != nil {
		return nil, err
	}
	set, overrides, err := hparams.Merge(docs...)
	if err != nil {
		return nil, err
	}
	for _, p := range set.Params() {
		if redact.HasToken(p.Key) {
			return nil, fmt.Errorf("the name of a parameter %w", ErrSecret)
		}
	}
	set, redacted := set.Redact(c.redactor)
	out := &audit.Params{Redacted: redacted, Method: "observed"}
	for _, d := range docs {
		if d.Format != hparams.Hook {
			out.Method = "declared"
		}
		out.Files = append(out.Files, audit.ParamsFile{Name: d.Name, Format: d.Format, Size: int64(d.Size), Digest: d.Digest})
		for _, a := range d.Ambiguities {
			message := fmt.Sprintf("%q is recorded as %s, but %s reads %s", a.Text, a.Read, a.Reader, a.Other)
			if a.In == "key" {
				message = "its name " + message
			}
			if redact.SecretName(a.Key) {
				message = "readers differ about it"
			}
			at := d.Name
			if a.Line > 0 {
				at = fmt.Sprintf("%s:%d", d.Name, a.Line)
			}
			out.Flags = append(out.Flags, c.flag("ambiguous", a.Key, at+": "+message))
		}
	}
	for _, o := range overrides {
		_, secret := c.redactor.Value(o.Key, o.Old.String())
		_, secretToo := c.redactor.Value(o.Key, o.New.String())
		message := fmt.Sprintf("%s of %s replaced by %s of %s", o.Old, o.From, o.New, o.By)
		if secret || secretToo {
			message = fmt.Sprintf("a secret of %s replaced by one of %s", o.From, o.By)
		}
		out.Flags = append(out.Flags, c.flag("overridden", o.Key, message))
	}
	if out.Hash, err = set.Hash(); err != nil {
		return nil, err
	}
	tree, err := set.Tree(store.ParamsSecret(c.SiteKey, out.Hash))
	if err != nil {
		return nil, err
	}
	out.Tree = tree.Root()
	form, err := set.Canonical()
	if err != nil {
		return nil, err
	}
	out.Form, err = c.Blobs.Put(ctx, "params.json", "application/json", bytes.NewReader(form))
	return out, err
}

func (c *Collector) flag(code, key, message string) audit.ParamsFlag {
	message, _ = c.redactor.Text(message)
	return audit.ParamsFlag{Code: code, Key: key, Message: message}
}

func (from ParamsSource) read() ([]*hparams.Document, error) {
	var docs []*hparams.Document
	add := func(path string, format hparams.Format) error {
		data, err := readBounded(path, hparams.MaxFile)
		if err != nil {
			return err
		}
		d, err := hparams.Parse(path, format, data)
		if err != nil {
			return err
		}
		d.Name = filepath.Base(path)
		docs = append(docs, d)
		return nil
	}
	for _, path := range from.Files {
		format, ok := hparams.FormatOf(path)
		if !ok {
			return nil, fmt.Errorf("%s: parameters are read from .yaml, .yml, .json and .toml", path)
		}
		if err := add(path, format); err != nil {
			return nil, err
		}
	}
	for _, path := range from.Hooks {
		if err := add(path, hparams.Hook); err != nil {
			return nil, err
		}
	}
	if len(from.Args) > 0 {
		d, err := hparams.ParseArgs(from.Args)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}
