package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// Load reads the key file at path. It asks pass for the passphrase only if the
// file is encrypted; without pass that is [ErrPassphraseNeeded]. A file of this
// user that is not encrypted and grants anything to group or others is
// [ErrExposed], as with ssh; encryption is what protects the others.
func Load(path string, pass func() ([]byte, error)) (*Private, error) {
	file, info, err := read(path)
	if err != nil {
		return nil, err
	}
	var passphrase []byte
	switch encrypted := Encrypted(file); {
	case encrypted && pass != nil:
		if passphrase, err = pass(); err != nil {
			return nil, err
		}
	case !encrypted && exposed(info):
		return nil, fmt.Errorf("%q has mode %04o: %w; `chmod 600` it", path, info.Mode().Perm(), ErrExposed)
	}
	k, err := Parse(file, passphrase)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", path, err)
	}
	return k, nil
}

// LoadPublic reads the public key in the file at path, by [ParsePublic].
func LoadPublic(path string) (Public, error) {
	file, _, err := read(path)
	if err != nil {
		return Public{}, err
	}
	p, err := ParsePublic(file)
	if err != nil {
		return Public{}, fmt.Errorf("key %q: %w", path, err)
	}
	return p, nil
}

// Create writes a key into a new file of mode 0600, by [Private.Marshal]. It
// never replaces a file: one that exists is [fs.ErrExist]. When it has returned
// nil, the key survives a power failure; killed before, it leaves no file, an
// empty one, or the key.
func Create(path string, k *Private, passphrase []byte) error {
	data, err := k.Marshal(passphrase)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// The name is ours now, and what is durable replaces it.
	if err := errors.Join(f.Close(), durable.WriteFile(path, data, 0o600)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return data, info, err
}
