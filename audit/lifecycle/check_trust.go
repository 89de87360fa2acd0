package lifecycle

import "github.com/mmaudit/mmaudit/audit/trust"

// trustChecks are the problems that audit/trust finds. Those of records about
// keys and policy are listed to be explained: they are in no life of a version.
func trustChecks() []Check {
	checks := []Check{
		{
			Code:    string(trust.InvalidRecord),
			Summary: "a record says what its event must say, in the one form that records have",
			Why:     "Another program wrote it, or a bug did. What it was meant to say is not known.",
			Hint:    "record the event again with auditlog; the invalid record stays in the ledger",
			find: func(b *life, say say) {
				for _, e := range b.entries {
					if e.p == nil {
						say(e, "the record cannot be read: %v", e.Err)
					}
				}
			},
		},
		{
			Code:    string(trust.BadSignature),
			Summary: "a signature was made by the key that it names, over this record",
			Why:     "The record was changed after it was signed, or somebody forged it.",
			Hint:    "do not rely on the record; ask its actor for the true one, and find out how it got into the ledger",
		},
		{
			Code:    string(trust.UnknownKey),
			Summary: "a record is signed with keys that the ledger trusts",
			Why:     "Anybody can make a key.",
			Hint:    "ask the team whose key it is; if it should be trusted, an admin adds it (auditlog keys) and the event is recorded again",
		},
		{
			Code:    string(trust.RevokedKey),
			Summary: "a record is signed with keys that are still trusted",
			Why:     "A key is revoked because its holder left, or because somebody else may have it.",
			Hint:    "record the event again with a key that is trusted",
		},
		{
			Code:    string(trust.WrongRole),
			Summary: "a record is signed by somebody with the role for its event",
			Why:     "Roles say who may decide what: an engineer's key cannot approve a version.",
			Hint:    "have the event recorded by somebody with that role",
		},
		{
			Code:    string(trust.BelowThreshold),
			Summary: "a record has as many signatures as the policy asks for",
			Why:     "The policy wants several people to stand behind such an event.",
			Hint:    "have the statement signed by more keys with that role, and record it with all signatures",
		},
		{
			Code:    string(trust.ActorNotSigner),
			Summary: "the actor of a record signed it",
			Why:     "Somebody acts in the name of another.",
			Hint:    "record the event with the actor's own key",
		},
		{
			Code:    string(trust.GenesisNotFirst),
			Summary: "a ledger begins with ledger.created",
			Why:     "Without it no key is trusted, and so no record.",
			Hint:    "make a new ledger with auditlog init; compare this one with the trust file",
		},
		{
			Code:    string(trust.SecondGenesis),
			Summary: "a ledger is created once",
			Why:     "A second beginning would bring in keys that nobody who was trusted had added.",
			Hint:    "it changes nothing; find out who recorded it",
		},
		{
			Code:    string(trust.WrongOrigin),
			Summary: "a record names the ledger that it is in",
			Why:     "It was copied from another ledger, which may trust the same keys for less.",
			Hint:    "compare the ledger with the trust file",
		},
		{
			Code:    string(trust.BadKey),
			Summary: "a key that is added is what its description says",
			Why:     "A key whose id or algorithm is not its own could pass for another.",
			Hint:    "add the key again with auditlog keys",
		},
		{
			Code:    string(trust.InvalidChange),
			Summary: "a change of keys is of keys that are there",
			Why:     "It changes nothing, which may not be what its author believes.",
			Hint:    "see auditlog keys show, and record the change that was meant",
		},
	}
	for i := range checks {
		c := &checks[i]
		c.Severity = Error
		if c.find != nil {
			continue
		}
		c.find = func(b *life, say say) {
			for _, e := range b.entries {
				for _, p := range e.Verdict.Problems {
					if string(p.Code) == c.Code {
						say(e, "%s", p.Message)
					}
				}
			}
		}
	}
	return checks
}
