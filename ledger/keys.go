package ledger

import "fmt"

// Derive calls of and holds what it returns to the rules for keys: for engines.
// Its errors are ErrTooLarge and ErrInvalid.
func Derive(of KeysOf, record []byte) (Keys, error) {
	if len(record) > MaxRecord {
		return Keys{}, fmt.Errorf("%w: it has %d", ErrTooLarge, len(record))
	}
	if len(record) == 0 {
		return Keys{}, fmt.Errorf("%w: empty record", ErrInvalid)
	}
	k, err := of(record)
	if err != nil {
		return Keys{}, fmt.Errorf("%w: keys of the record: %w", ErrInvalid, err)
	}
	if k.ID == "" || len(k.ID) > MaxKey {
		return Keys{}, fmt.Errorf("%w: idempotency key of %d bytes, want 1 to %d", ErrInvalid, len(k.ID), MaxKey)
	}
	if len(k.Index) > MaxKeys {
		return Keys{}, fmt.Errorf("%w: %d index keys, want at most %d", ErrInvalid, len(k.Index), MaxKeys)
	}
	for _, key := range k.Index {
		if key.Name == "" || len(key.Name) > MaxKey || len(key.Value) > MaxKey {
			return Keys{}, fmt.Errorf("%w: index key %.40q with a value of %d bytes, want a name and at most %d", ErrInvalid, key.Name, len(key.Value), MaxKey)
		}
	}
	return k, nil
}
