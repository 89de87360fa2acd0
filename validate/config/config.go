// Package config reads what a user decides about a validation: the file
// mmvalidate.yaml, the ignore file .mmvalidateignore, and baselines of known
// findings; and makes them the policy of a run.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// FileName is the configuration's name.
const FileName = "mmvalidate.yaml"

// A Config is the content of mmvalidate.yaml. Its zero value, with
// rule.DefaultParams, is the default.
type Config struct {
	rule.Params    `yaml:",inline"`
	Select         []string                 `yaml:"select"`
	Ignore         []string                 `yaml:"ignore"`
	Severity       map[string]rule.Severity `yaml:"severity"`
	FailOn         string                   `yaml:"fail_on"`
	StrictMode     bool                     `yaml:"strict"`
	Baseline       string                   `yaml:"baseline"`
	KnownAnomalies *bool                    `yaml:"known_anomalies"`
	Overrides      []Override               `yaml:"overrides"`

	Path string `yaml:"-"` // where it was read; "" for the default
}

// An Override sets severities for some paths.
type Override struct {
	Paths []string                 `yaml:"paths"`
	Rules map[string]rule.Severity `yaml:"rules"`
}

// Default is the configuration of a run without a file.
func Default() *Config { return &Config{Params: *rule.DefaultParams()} }

// Find looks for mmvalidate.yaml in dir and upward, and reads the nearest.
// Without any, it gives Default.
func Find(dir string) (*Config, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for {
		f, err := openFound(filepath.Join(abs, FileName))
		if err == nil {
			defer f.Close()
			return loadFrom(f, f.Name())
		}
		if !errors.Is(err, fs.ErrNotExist) && !isNotDir(err) {
			return nil, err
		}
		up := filepath.Dir(abs)
		if up == abs {
			return Default(), nil
		}
		abs = up
	}
}

// openFound opens a file that nobody has named: it may belong to whoever made
// the data set, who may have put a pipe or a device in its place.
func openFound(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Load reads one configuration file. Everything in it must be known: the
// error names the line, the key, and what was probably meant.
func Load(name string) (*Config, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return loadFrom(f, name)
}

// maxFile bounds the bytes of a configuration or ignore file.
const maxFile = 1 << 20

func loadFrom(r io.Reader, name string) (*Config, error) {
	b, err := readSmall(r, name)
	if err != nil {
		return nil, err
	}
	c, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	c.Path = name
	for _, p := range []*string{&c.Baseline, &c.Mapping} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(name), *p)
		}
	}
	return c, nil
}

func readSmall(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return b, err
}

// Parse reads the content of a configuration file. Errors begin with the line.
func Parse(b []byte) (*Config, error) {
	s, err := configSchema()
	if err != nil {
		return nil, err
	}
	c := Default()
	if err := decode(b, s, c); err != nil {
		return nil, err
	}
	return c, nil
}

// decode reads one YAML document that s describes into v, which stays as it is
// where the document is empty. Errors begin with the line.
func decode(b []byte, s *jsonschema.Schema, v any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return yamlError(err)
	}
	if doc.Kind == 0 { // empty file
		return nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	if err := unknownKeys(root, s); err != nil {
		return err
	}
	datesAsText(root)
	var generic any
	if err := root.Decode(&generic); err != nil {
		return yamlError(err)
	}
	if err := s.Validate(plain(generic)); err != nil {
		var ve *jsonschema.ValidationError
		if !errors.As(err, &ve) {
			return fmt.Errorf("1: %w", err)
		}
		for len(ve.Causes) > 0 {
			ve = ve.Causes[0]
		}
		return fmt.Errorf("%d: %s: %s", lineOf(root, ve.InstanceLocation), dotted(ve.InstanceLocation), ve.Message)
	}
	if err := root.Decode(v); err != nil {
		return yamlError(err)
	}
	return nil
}

// datesAsText keeps dates as they were written: YAML would make times of them.
func datesAsText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAsText(c)
	}
}

var configSchema = compiled("config.schema.json")

// compiled compiles an embedded schema when it is first needed.
func compiled(name string) func() (*jsonschema.Schema, error) {
	return sync.OnceValues(func() (*jsonschema.Schema, error) { return draft2020.Compile(name, "") })
}

// unknownKeys refuses keys that the schema does not name, and says which was
// probably meant: the library's own message has neither line nor suggestion.
func unknownKeys(n *yaml.Node, s *jsonschema.Schema) error {
	for s.Ref != nil && s.Properties == nil && s.AdditionalProperties == nil && s.Items2020 == nil {
		s = s.Ref
	}
	switch n.Kind {
	case yaml.AliasNode:
		return fmt.Errorf("%d: aliases are not supported", n.Line) // they could repeat without bound
	case yaml.SequenceNode:
		if s.Items2020 != nil {
			for _, c := range n.Content {
				if err := unknownKeys(c, s.Items2020); err != nil {
					return err
				}
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			sub, ok := s.Properties[k.Value]
			if !ok {
				switch extra := s.AdditionalProperties.(type) {
				case bool:
					if !extra {
						return fmt.Errorf("%d: unknown key %q%s", k.Line, k.Value, didYouMean(k.Value, s))
					}
				case *jsonschema.Schema:
					sub = extra
				}
			}
			if sub != nil {
				if err := unknownKeys(n.Content[i+1], sub); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func didYouMean(key string, s *jsonschema.Schema) string {
	var names []string
	for k := range s.Properties {
		names = append(names, k)
	}
	slices.Sort(names)
	if near := suggest.Nearest(key, names); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Sprintf(" (known: %s)", strings.Join(names, ", "))
}

// plain turns what yaml decodes into what the schema library takes.
func plain(v any) any {
	b, err := json.Marshal(v)
	if err != nil { // maps with keys that are not strings
		return v
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		return v
	}
	return out
}

// lineOf finds the line of a JSON pointer in the document.
func lineOf(n *yaml.Node, pointer string) int {
	for _, step := range strings.Split(strings.Trim(pointer, "/"), "/") {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					n = n.Content[i+1]
					break
				}
			}
		case yaml.SequenceNode:
			var i int
			if _, err := fmt.Sscan(step, &i); err == nil && i < len(n.Content) {
				n = n.Content[i]
			}
		}
	}
	return n.Line
}

func dotted(pointer string) string {
	if p := strings.ReplaceAll(strings.Trim(pointer, "/"), "/", "."); p != "" {
		return p
	}
	return "the file"
}

func yamlError(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		return errors.New(rest)
	}
	return fmt.Errorf("1: %s", strings.Join(strings.Fields(msg), " "))
}

func isNotDir(err error) bool {
	var pe *fs.PathError
	return errors.As(err, &pe) && strings.Contains(pe.Err.Error(), "not a directory")
}
