// Package view shows the life of a model version to people: auditors and
// regulators who trust nobody who made it. It writes one page of HTML that needs
// nothing else: no network, no script to be read, light, dark and on paper.
//
// What is missing or wrong comes first. Beside each hash stands the command that
// computes it again, with openssl and a POSIX shell, in the folder that a bundle
// (package audit/bundle) unpacks to.
//
// What it guarantees: equal timelines give equal bytes; nothing that a record says
// becomes markup, a script, a command, or other text than it looks like; and the
// page shows every record and problem of the timeline. It proves nothing: the
// commands do.
package view

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

var (
	//go:embed page/common.html
	commonHTML string
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// Options say how a life is shown. The zero value is fine.
type Options struct {
	Lang Lang // English if empty
	// Proof is the outcome of verifying the bundle that the page is about; nil if
	// it is about a ledger.
	Proof *bundle.Report
	// Documents opens what records name; nil: there are none. Of documents the
	// page has the values of hyper-parameters; without them only their hash.
	Documents lifecycle.Documents
}

// Life writes the page of a timeline.
func Life(w io.Writer, t *lifecycle.Timeline, o Options) error {
	words, err := o.Lang.words()
	if err != nil {
		return err
	}
	b := &builder{words: words, o: o, t: t}
	p, err := b.page()
	if err != nil {
		return err
	}
	return write(w, words, pageHTML, p)
}

// write writes a page, or nothing if it cannot be finished.
func write(w io.Writer, words *words, text string, page any) error {
	t := template.New("page").Funcs(template.FuncMap{"t": words.text})
	for _, part := range []string{commonHTML, text} {
		if _, err := t.Parse(part); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := t.Execute(&out, page); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// policy forbids the page the network, and every style and script but its own.
func policy() string {
	digest := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return base64.StdEncoding.EncodeToString(h[:])
	}
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		digest(pageCSS), digest(pageJS))
}
