//go:build !linux && !darwin

package keys

import (
	"context"
	"errors"
)

func prompt(context.Context, string) ([]byte, error) {
	return nil, errors.New("no terminal to ask on, on this system")
}
