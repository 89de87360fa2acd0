package config

import (
	"errors"
	"fmt"
	"io/fs"
	slashpath "path"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/sourceignore/gitignore"

	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// IgnoreFile lists paths that do not belong to the data set, in gitignore
// syntax. It lies in the folder that is validated.
const IgnoreFile = ".mmvalidateignore"

// A Suppressor explains findings away: a baseline. It is safe for concurrent use.
type Suppressor interface {
	Suppress(f *rule.Finding) (reason string)
}

// A Policy applies a configuration to the findings of one run. It implements
// validate.Policy.
type Policy struct {
	named     map[string]rule.Severity // by lower-case id, slug or group
	overrides []override
	ignored   map[string]gitignore.Matcher // by folder as the user gave it
	Baselines []Suppressor
}

type override struct {
	paths gitignore.Matcher
	rules map[string]rule.Severity
}

// NewPolicy checks the names of rules in c against the catalogue and reads the
// ignore file of each folder.
func NewPolicy(c *Config, catalogue []*rule.Rule, folders []string) (*Policy, error) {
	p := &Policy{ignored: map[string]gitignore.Matcher{}}
	var err error
	if p.named, err = lower(c.Severity, catalogue, "severity"); err != nil {
		return nil, err
	}
	for i, o := range c.Overrides {
		rules, err := lower(o.Rules, catalogue, fmt.Sprintf("overrides.%d.rules", i))
		if err != nil {
			return nil, err
		}
		var pats []gitignore.Pattern
		for _, s := range o.Paths {
			pats = append(pats, gitignore.ParsePattern(s, nil))
		}
		p.overrides = append(p.overrides, override{gitignore.NewMatcher(pats), rules})
	}
	for _, f := range folders {
		m, err := readIgnore(filepath.Join(f, IgnoreFile))
		if err != nil {
			return nil, err
		}
		p.ignored[f] = m
	}
	return p, nil
}

// CheckNames refuses names that select no rule of the catalogue.
func CheckNames(names []string, catalogue []*rule.Rule, where string) error {
	for _, n := range names {
		if err := checkName(n, catalogue, where); err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string, catalogue []*rule.Rule, where string) error {
	var known []string
	for _, r := range catalogue {
		if r.Matches(name) {
			return nil
		}
		known = append(known, r.ID, r.Slug, r.Group())
	}
	hint := ""
	if near := suggest.Nearest(name, known); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("%s: no rule, slug or group %q%s", where, name, hint)
}

func lower(in map[string]rule.Severity, catalogue []*rule.Rule, where string) (map[string]rule.Severity, error) {
	out := map[string]rule.Severity{}
	for name, s := range in {
		if err := checkName(name, catalogue, where); err != nil {
			return nil, err
		}
		out[strings.ToLower(name)] = s
	}
	return out, nil
}

// look finds the severity of a rule by its narrowest name.
func look(m map[string]rule.Severity, r *rule.Rule) rule.Severity {
	for _, name := range []string{r.ID, r.Slug, r.Group()} {
		if s := m[strings.ToLower(name)]; s != rule.AsRule {
			return s
		}
	}
	return rule.AsRule
}

// Severity gives the weight of a finding: the last override whose path
// matches, else the configured severity, else the finding's, else the rule's.
func (p *Policy) Severity(r *rule.Rule, f *rule.Finding) rule.Severity {
	for i := len(p.overrides) - 1; i >= 0; i-- {
		o := p.overrides[i]
		if s := look(o.rules, r); s != rule.AsRule && f.Path != "" &&
			(matches(o.paths, f.Path, false) || matches(o.paths, f.Path, true)) { // findings are about folders too
			return s
		}
	}
	if s := look(p.named, r); s != rule.AsRule {
		return s
	}
	if f.Severity != rule.AsRule {
		return f.Severity
	}
	return r.Severity
}

// matches reports whether the path, or a folder above it, is matched.
func matches(m gitignore.Matcher, path string, dir bool) bool {
	parts := strings.Split(path, "/")
	for i := 1; i < len(parts); i++ {
		if m.Match(parts[:i], true) {
			return true
		}
	}
	return m.Match(parts, dir)
}

// Ignored reports whether the ignore file of folder root leaves path out, or
// path is no data: our own files, and git's store, which may exceed the data.
func (p *Policy) Ignored(root, path string, dir bool) bool {
	m := p.ignored[root]
	return path == IgnoreFile || path == ".mm/backup" || path == FileName || slashpath.Base(path) == ".git" ||
		m != nil && m.Match(strings.Split(path, "/"), dir)
}

// Suppressed gives the reason of the first baseline that knows the finding.
func (p *Policy) Suppressed(f *rule.Finding) string {
	for _, b := range p.Baselines {
		if why := b.Suppress(f); why != "" {
			return why
		}
	}
	return ""
}

func readIgnore(name string) (gitignore.Matcher, error) {
	f, err := openFound(name)
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readSmall(f, name)
	if err != nil {
		return nil, err
	}
	var pats []gitignore.Pattern
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimRight(l, "\r\n"); l != "" && !strings.HasPrefix(l, "#") {
			pats = append(pats, gitignore.ParsePattern(l, nil))
		}
	}
	return gitignore.NewMatcher(pats), nil
}
