package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/suggest"
)

func initCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "make a ledger", ArgsUsage: "[DIR|fabric:FILE]",
		Description: "Makes a ledger in DIR, by default in --ledger, AUDITLOG_LEDGER or ./.auditlog, or on the\n" +
			"channel of the profile FILE. Its first record names the keys that may sign and\n" +
			"how many signatures events need; on a channel also the organisations that sign for it.\n\n" +
			"--key names a key that is trusted from the start. The first must be a private key:\n" +
			"it signs that record and administers the ledger. Further ones may be public keys.\n" +
			"In NAME:ROLE,ROLE=FILE, the name is for people, and the roles are of " + roleNames() + ";\nwithout, a key is named as its file and has all roles.\n\n" +
			"Exit status: 0 made, 2 usage, 3 could not be made, or a ledger is there.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "origin", Usage: "`NAME` of the ledger, unique in the world, such as example.com/audit (default: that of the profile, else a random one)"},
			&cli.StringSliceFlag{Name: "key", Usage: "trust the key `[NAME:ROLES=]FILE`; repeatable; the first signs (default: AUDITLOG_KEY, else auditlog/key.pem below the user's configuration)"},
			&cli.StringFlag{Name: "log-passphrase", Usage: "encrypt the key of checkpoints with the passphrase from `SOURCE`, which every later record reads again: file:PATH, env:NAME"},
			signaturesFlag(), separateFlag(),
			&cli.StringSliceFlag{Name: "witness", Usage: "have checkpoints cosigned by the C2SP witness `[URL=]KEY`, KEY as it tells it; repeatable"},
			&cli.IntFlag{Name: "quorum", Usage: "`N` of the witnesses must have cosigned for verification to be content (default: 1, if there is a witness)"},
		},
		Action: func(c *cli.Context) error { return initAction(c, e) },
	}
}

func initAction(c *cli.Context, e *env) error {
	place, err := initPlace(c)
	if err != nil {
		return err
	}
	policy, err := policyOf(c)
	if err != nil {
		return err
	}
	signer, trusted, err := e.firstKeys(c)
	if err != nil {
		return err
	}
	o := store.InitOptions{Origin: c.String("origin"), LogPassphraseSource: c.String("log-passphrase")}
	if o.Origin != "" {
		if err := store.CheckOrigin(o.Origin); err != nil {
			return usageError(err, "--origin example.com/audit")
		}
	}
	if o.LogPassphrase, err = e.newLogPassphrase(c, o.LogPassphraseSource); err != nil {
		return err
	}
	if o.Witnesses, o.Quorum, err = witnesses(c); err != nil {
		return err
	}
	var logKey string
	o.Genesis = func(origin, log string) ([]byte, error) {
		logKey = log
		p := collect.Begin(origin, audit.LedgerCreated, audit.Actor{ID: trusted[0].Name, KeyID: signer.Public().ID()})
		p.Ledger = &audit.Genesis{Origin: origin, Log: log, Keys: trusted, Policy: policy}
		return audit.Seal(p, signer)
	}
	o.Tell = e.waiting(c)
	s, err := store.Init(c.Context, place, o)
	if err != nil {
		return err
	}
	defer s.Close()
	type made struct {
		V      int               `json:"v"`
		Ledger string            `json:"ledger"`
		Origin string            `json:"origin"`
		Log    string            `json:"log"`
		Keys   []audit.SignerKey `json:"keys"`
		Policy audit.Policy      `json:"policy"`
	}
	return e.result(c, made{1, place, s.Origin, logKey, trusted, policy}, func(w io.Writer) error {
		fmt.Fprintf(w, "ledger  %s\norigin  %s\nlog     %s\n", place, s.Origin, shownLog(logKey))
		for _, k := range trusted {
			fmt.Fprintf(w, "key     %s  %s  %s\n", k.ID, printable(k.Name), join(k.Roles, ","))
		}
		return nil
	})
}

// witnesses reads --witness and --quorum.
func witnesses(c *cli.Context) ([]store.Witness, int, error) {
	var all []store.Witness
	for _, word := range c.StringSlice("witness") {
		w := store.Witness{Key: word}
		if url, key, found := strings.Cut(word, "="); found && strings.Contains(url, "://") {
			w = store.Witness{URL: url, Key: key}
		}
		all = append(all, w)
	}
	quorum := c.Int("quorum")
	if !c.IsSet("quorum") {
		quorum = min(1, len(all))
	}
	if quorum < 0 || quorum > len(all) || quorum == 0 && len(all) > 0 {
		return nil, 0, clikit.Usagef("--quorum from 1 to the number of witnesses", "--quorum %d among %d witnesses", quorum, len(all))
	}
	return all, quorum, nil
}

func initPlace(c *cli.Context) (string, error) {
	given := c.Args().Slice()
	switch {
	case len(given) > 1:
		return "", clikit.Usagef("auditlog init [DIR]", "%d folders given", len(given))
	case len(given) == 1 && c.String("ledger") != "":
		return "", clikit.Usagef("give one of them", "both %s and --ledger %s", given[0], c.String("ledger"))
	case len(given) == 1:
		return cleanPlace(given[0])
	case c.String("ledger") != "" || os.Getenv("AUDITLOG_LEDGER") != "":
		return ledgerPlace(c)
	}
	return store.DirName, nil
}

// firstKeys reads the keys that --key names. The first is a private one.
func (e *env) firstKeys(c *cli.Context) (*keys.Private, []audit.SignerKey, error) {
	given := c.StringSlice("key")
	if len(given) == 0 {
		path, err := defaultKeyPath()
		if err != nil {
			return nil, nil, err
		}
		given = []string{path}
	}
	var signer *keys.Private
	var trusted []audit.SignerKey
	for i, word := range given {
		named, file, err := parseKeyWord(word)
		if err != nil {
			return nil, nil, err
		}
		var public keys.Public
		if i == 0 {
			if signer, err = e.loadKey(c, file); err != nil {
				return nil, nil, err
			}
			public = signer.Public()
		} else if public, err = keys.LoadPublic(file); err != nil {
			return nil, nil, usageError(fmt.Errorf("--key: %w", err), "")
		}
		k := signerKey(named, public)
		if slices.ContainsFunc(trusted, func(t audit.SignerKey) bool { return t.ID == k.ID }) {
			return nil, nil, clikit.Usagef("", "key %s is given twice", k.ID)
		}
		trusted = append(trusted, k)
	}
	if !slices.Contains(trusted[0].Roles, audit.Admin) {
		return nil, nil, clikit.Usagef("give it the role admin too", "the first key, %s, signs the first record and must be admin", trusted[0].Name)
	}
	return signer, trusted, nil
}

// parseKeyWord reads [NAME:ROLE,ROLE=]FILE.
func parseKeyWord(word string) (audit.SignerKey, string, error) {
	k := audit.SignerKey{Roles: audit.Roles()}
	before, file, found := strings.Cut(word, "=")
	if !found {
		file = word
	} else {
		named, roles, given := strings.Cut(before, ":")
		k.Name = named
		if given {
			var err error
			if k.Roles, err = parseRoles(roles); err != nil {
				return k, "", err
			}
		}
	}
	if k.Name == "" {
		base := filepath.Base(file)
		if k.Name = strings.TrimSuffix(base, filepath.Ext(base)); k.Name == "key" { // the default file
			k.Name = cmp.Or(os.Getenv("USER"), k.Name)
		}
	}
	return k, file, nil
}

func signerKey(k audit.SignerKey, public keys.Public) audit.SignerKey {
	k.ID, k.Algorithm, k.Public = public.ID(), string(public.Algorithm()), public.DER()
	return k
}

func parseRoles(list string) ([]audit.Role, error) {
	var roles []audit.Role
	for word := range strings.SplitSeq(list, ",") {
		r := audit.Role(strings.TrimSpace(word))
		if !slices.Contains(audit.Roles(), r) {
			return nil, clikit.Usagef("roles: "+roleNames(), "unknown role %q", string(r))
		}
		if !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	return roles, nil
}

func roleNames() string { return join(audit.Roles(), ",") }

func signaturesFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "signatures", Usage: "demand `EVENT=N` signatures of different keys, such as approved=2; repeatable"}
}

func separateFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "separate", Usage: "demand that nobody acts in both of `ROLE:ROLE` for one version, such as engineer:approver; repeatable"}
}

// policyOf reads --signatures and --separate.
func policyOf(c *cli.Context) (audit.Policy, error) {
	var p audit.Policy
	for _, word := range c.StringSlice("signatures") {
		event, count, found := strings.Cut(word, "=")
		n, err := strconv.Atoi(count)
		if !found || err != nil || n < 1 || n > 16 {
			return p, clikit.Usagef("such as --signatures approved=2", "--signatures %q: want EVENT=N, N from 1 to 16", word)
		}
		kind, err := kindOf(event)
		if err != nil {
			return p, err
		}
		if p.Threshold == nil {
			p.Threshold = map[audit.Event]int{}
		}
		p.Threshold[kind.Event] = n
	}
	for _, word := range c.StringSlice("separate") {
		roles, err := parseRoles(strings.ReplaceAll(word, ":", ","))
		if err != nil {
			return p, err
		}
		if len(roles) != 2 {
			return p, clikit.Usagef("such as --separate engineer:approver", "--separate %q: want two roles", word)
		}
		p.Separate = append(p.Separate, [2]audit.Role{roles[0], roles[1]})
	}
	return p, nil
}

// kindOf finds an event by its name.
func kindOf(event string) (audit.Kind, error) {
	kind, ok := audit.KindOf(audit.Event(event))
	if !ok {
		var names []string
		for _, k := range audit.Kinds() {
			names = append(names, string(k.Event))
		}
		hint := "`auditlog explain` lists the events, `auditlog verify --help` what verify looks at"
		if near := suggest.Nearest(event, names); near != "" {
			hint = fmt.Sprintf("did you mean %s? %s", near, hint)
		}
		return kind, clikit.Usagef(hint, "unknown event %q", event)
	}
	return kind, nil
}
