package toolchain

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// Source is the state of the source code.
type Source struct {
	Commit     string      `json:"commit"`
	Branch     string      `json:"branch,omitempty"` // none if detached
	Remote     string      `json:"remote,omitempty"` // of origin, without user-info
	Dirty      bool        `json:"dirty"`            // tracked files differ, or files are not tracked
	Patch      string      `json:"patchDigest,omitempty"`
	Untracked  int         `json:"untracked"`
	Manifest   string      `json:"untrackedDigest,omitempty"` // over lines: digest, two spaces, path, LF
	Submodules []Submodule `json:"submodules"`
	// Signature is the form of the commit's signature: openpgp, ssh, x509,
	// unknown. It was not checked: that would run what the repository names.
	Signature string `json:"signature,omitempty"`
	Tags      []Tag  `json:"tags,omitempty"` // that name the commit, sorted; at most 20
}

// Tag is a tag, with the form of its signature, not checked, if it has one.
type Tag struct {
	Name      string `json:"name"`
	Signature string `json:"signature,omitempty"`
}

// Submodule is a submodule as checked out.
type Submodule struct {
	Path   string `json:"path"`
	Commit string `json:"commit"`
	State  string `json:"state"` // clean, not initialised, other commit, conflict
}

// git makes a command that writes nothing, asks nobody, and runs no monitor,
// hook, pager or diff driver that the repository configures. It fetches nothing:
// an object that a partial clone lacks would come by a program that the
// repository names. A bare repository, which any clone may hold as plain files,
// is not looked into. Clean filters (git-lfs) do run: without them, status and
// diff would be wrong.
func (e *env) git(args ...string) Command {
	return Command{
		Name: "git",
		Args: append([]string{
			"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=true",
			"-c", "core.pager=cat", "-c", "safe.bareRepository=explicit", "-C", e.root.at(e.opts.Dir),
		}, args...),
		Env: []string{"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL="},
	}
}

var objectName = lazyre.New(`^[0-9a-f]{40}(?:[0-9a-f]{24})?$`)

func sourceCode(ctx context.Context, e *env) (any, string, error) {
	const from = "git"
	if e.opts.Dir == "" {
		return nil, from, errors.New("no source folder was named")
	}
	status, err := e.output(ctx, e.git("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", "--ignore-submodules=none"))
	if err != nil {
		return nil, from, fmt.Errorf("git status: %w", err)
	}
	s, method := Source{Submodules: []Submodule{}}, Observed
	untracked, err := s.status(status)
	if err != nil {
		return nil, from, err
	}
	if s.Dirty {
		h := sha3.New512()
		if err := e.opts.Run(ctx, e.git("diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index"), h); err != nil {
			return nil, from, fmt.Errorf("git diff: %w", err)
		}
		s.Patch = hex.EncodeToString(h.Sum(nil))
	}
	if s.Untracked = len(untracked); s.Untracked > 0 {
		if s.Manifest, method, err = e.untracked(ctx, untracked); err != nil {
			return nil, from, err
		}
		s.Dirty = true
	}
	if out, err := e.output(ctx, e.git("config", "--get", "remote.origin.url")); err == nil {
		s.Remote = remoteURL(strings.TrimSpace(string(out)))
		s.Remote, _ = e.redact.Text(abbreviate(s.Remote))
	}
	if out, err := e.output(ctx, e.git("submodule", "status", "--recursive")); err == nil {
		s.Submodules = submodules(out)
	}
	if out, err := e.output(ctx, e.git("cat-file", "commit", s.Commit)); err == nil {
		s.Signature = commitSignature(out)
	}
	if out, err := e.output(ctx, e.git("for-each-ref", "--points-at="+s.Commit, "--count=20", "--format=%(refname:lstrip=2)%00%(contents:signature)%00", "refs/tags")); err == nil {
		s.Tags = tags(out)
	}
	return seen(s, method), from, nil
}

// commitSignature looks for a header gpgsig in a commit object.
func commitSignature(data []byte) string {
	for _, l := range lines(data) {
		if l == "" {
			break // the message follows
		}
		if name, value, _ := strings.Cut(l, " "); name == "gpgsig" || name == "gpgsig-sha256" {
			return signatureForm(value)
		}
	}
	return ""
}

// signatureForm tells a signature by its first line; "" if there is none.
func signatureForm(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	switch first {
	case "":
		return ""
	case "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----":
		return "openpgp"
	case "-----BEGIN SSH SIGNATURE-----":
		return "ssh"
	case "-----BEGIN SIGNED MESSAGE-----":
		return "x509"
	}
	return "unknown"
}

// tags reads pairs of name and signature, each ended by NUL, with a LF between
// pairs.
func tags(data []byte) []Tag {
	var out []Tag
	parts := bytes.Split(data, []byte{0})
	for i := 0; i+1 < len(parts); i += 2 {
		if name := abbreviate(strings.TrimPrefix(string(parts[i]), "\n")); name != "" {
			out = append(out, Tag{name, signatureForm(string(parts[i+1]))})
		}
	}
	return out
}

// status reads porcelain v2 and gives the untracked paths.
func (s *Source) status(data []byte) (untracked []string, err error) {
	entries := bytes.Split(data, []byte{0})
	for i := 0; i < len(entries); i++ {
		text := string(entries[i])
		switch {
		case strings.HasPrefix(text, "# branch.oid "):
			s.Commit = text[len("# branch.oid "):]
		case strings.HasPrefix(text, "# branch.head "):
			if s.Branch = abbreviate(text[len("# branch.head "):]); s.Branch == "(detached)" {
				s.Branch = ""
			}
		case strings.HasPrefix(text, "1 "), strings.HasPrefix(text, "u "):
			s.Dirty = true
		case strings.HasPrefix(text, "2 "):
			s.Dirty = true
			i++ // the old name of a renamed file follows
		case strings.HasPrefix(text, "? "):
			untracked = append(untracked, text[2:])
		}
	}
	if !objectName().MatchString(s.Commit) {
		return nil, errors.New("no commit yet")
	}
	return untracked, nil
}

// untracked digests the manifest of files that git does not know. One that
// cannot be read has - for its digest.
func (e *env) untracked(ctx context.Context, names []string) (digest string, method Method, err error) {
	slices.Sort(names)
	h := sha3.New512()
	method = Observed
	for _, name := range names {
		digest, _, how, err := e.hashFile(ctx, path.Join(e.opts.Dir, name))
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
		if err != nil {
			digest = "-"
		}
		if how == Cached {
			method = Cached
		}
		fmt.Fprintf(h, "%s  %s\n", digest, name)
	}
	return hex.EncodeToString(h.Sum(nil)), method, nil
}

// remoteURL takes user and password out of a URL.
func remoteURL(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url // a path, or user@host:path, where user is no secret
	}
	host, tail, slash := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if slash {
		tail = "/" + tail
	}
	return scheme + "://" + host + tail
}

// submodules reads lines of state, commit, path and description.
func submodules(data []byte) []Submodule {
	out := []Submodule{}
	states := map[byte]string{' ': "clean", '-': "not initialised", '+': "other commit", 'U': "conflict"}
	for _, l := range lines(data) {
		if len(l) < 2 || states[l[0]] == "" {
			continue
		}
		commit, name, _ := strings.Cut(l[1:], " ")
		if i := strings.LastIndex(name, " ("); i >= 0 && strings.HasSuffix(name, ")") {
			name = name[:i]
		}
		if objectName().MatchString(commit) {
			out = append(out, Submodule{Path: abbreviate(name), Commit: commit, State: states[l[0]]})
		}
	}
	return out
}
