package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

func keysShowCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "list the keys of the ledger and its policy, or print the public key of a file", ArgsUsage: "[FILE]",
		Description: "With FILE, a private or public key, it prints the public key in PEM: what to hand out.\n\n" +
			"--trust-file prints the ledger's trust file, which a verifier must have from you by\nanother way than the ledger.\n\n" +
			"Exit status: 0 printed, 1 the ledger is damaged, 2 usage, 3 could not run.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "list keys that may not sign any more too"},
			&cli.BoolFlag{Name: "trust-file", Usage: "print the trust file"},
			&cli.StringSliceFlag{Name: "anchor", Usage: "with --trust-file: evidence of the network of `fabric:FILE` counts; repeatable"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return showFile(c, e)
			}
			return showKeys(c, e)
		},
	}
}

func showFile(c *cli.Context, e *env) error {
	file, err := oneArgument(c, "auditlog keys show FILE")
	if err != nil {
		return err
	}
	public, err := keys.LoadPublic(file)
	if err != nil {
		k, loadErr := e.loadKey(c, file) // one that openssl made has no public key beside it
		if loadErr != nil {
			return loadErr
		}
		public = k.Public()
	}
	type shown struct {
		V         int            `json:"v"`
		ID        string         `json:"keyId"`
		Algorithm keys.Algorithm `json:"algorithm"`
		PEM       string         `json:"pem"`
	}
	return e.result(c, shown{1, public.ID(), public.Algorithm(), string(public.PEM())}, func(w io.Writer) error {
		_, err := w.Write(public.PEM())
		return err
	})
}

// A shownKey is a key of the ledger as `keys show` and `status` print it.
type shownKey struct {
	ID        string         `json:"keyId"`
	Name      string         `json:"name"`
	Algorithm keys.Algorithm `json:"algorithm"`
	Roles     []audit.Role   `json:"roles"`
	From      int64          `json:"from"`  // record that made it trusted
	State     string         `json:"state"` // trusted, or how it ended
}

// shownKeys lists the keys that may sign the next record; all with all.
func shownKeys(ring *trust.Keyring, size int64, all bool) []shownKey {
	out := []shownKey{}
	for _, k := range ring.Keys() {
		state := "trusted"
		switch {
		case k.Until >= 0 && k.Until <= size:
			state = fmt.Sprintf("%s by record %d", k.How, k.Ended)
		case !k.Believed:
			state = "not believed: who added it is not"
		}
		if all || state == "trusted" {
			out = append(out, shownKey{k.ID, k.Name, k.Public.Algorithm(), k.Roles, k.From, state})
		}
	}
	return out
}

func showKeys(c *cli.Context, e *env) error {
	s, err := e.openLedger(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	ring, size, err := keyring(c, s)
	if err != nil {
		return err
	}
	if ring.Genesis() == "" {
		return &clikit.Error{Code: clikit.Findings, Err: fmt.Errorf("%s has no valid first record: no key is trusted", s.Place()), Hint: "`auditlog verify` says what is wrong with it"}
	}
	if c.Bool("trust-file") {
		return printTrustFile(c, e, s, ring)
	}
	if c.IsSet("anchor") {
		return clikit.Usagef("auditlog keys show --trust-file --anchor fabric:PROFILE", "--anchor goes with --trust-file")
	}
	type shown struct {
		V      int          `json:"v"`
		Log    string       `json:"log"`
		Keys   []shownKey   `json:"keys"`
		Policy audit.Policy `json:"policy"`
	}
	out := shown{1, ring.LogKey(), shownKeys(ring, size, c.Bool("all")), ring.PolicyAt(size)}
	return e.result(c, out, func(w io.Writer) error {
		fmt.Fprintf(w, "log     %s\n", shownLog(out.Log))
		printKeys(w, out.Keys)
		for _, kind := range audit.Kinds() {
			if n := out.Policy.Threshold[kind.Event]; n > 1 {
				fmt.Fprintf(w, "policy  %s needs %d signatures\n", kind.Event, n)
			}
		}
		for _, pair := range out.Policy.Separate {
			fmt.Fprintf(w, "policy  nobody acts as %s and %s for one version\n", pair[0], pair[1])
		}
		return nil
	})
}

func printKeys(w io.Writer, keys []shownKey) {
	for _, k := range keys {
		state := ""
		if k.State != "trusted" {
			state = "  " + k.State
		}
		fmt.Fprintf(w, "key     %s  %s  %s%s\n", k.ID, printable(k.Name), join(k.Roles, ","), state)
	}
}

func printTrustFile(c *cli.Context, e *env, s *store.Store, ring *trust.Keyring) error {
	var witnesses *trust.Witnesses
	if len(s.Witnesses) > 0 {
		witnesses = &trust.Witnesses{Quorum: max(1, s.Quorum)}
		for _, w := range s.Witnesses {
			witnesses.Keys = append(witnesses.Keys, w.Key)
		}
	}
	anchor, err := ring.Anchor(witnesses)
	if err != nil {
		return err
	}
	for _, place := range c.StringSlice("anchor") {
		p, err := networkProfile(place, "--anchor")
		if err != nil {
			return err
		}
		key, err := p.Network()
		if err != nil {
			return usageError(fmt.Errorf("--anchor: %w", err), networkHint)
		}
		anchor.Anchors = append(anchor.Anchors, key.String())
	}
	text, err := anchor.Marshal()
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(text)
	return err
}

// shownLog is the key of a log for people: of organisations, which are long, its
// name and who they are. --json has the whole.
func shownLog(vkey string) string {
	k, err := endorsed.ParseKey(vkey)
	if err != nil {
		return vkey
	}
	var names []string
	for _, o := range k.Organisations {
		names = append(names, o.MSP)
	}
	return fmt.Sprintf("%s, peers of %d of %s", trust.KeyNames([]note.Verifier{k.Verifier()}), k.Need, strings.Join(names, ", "))
}
