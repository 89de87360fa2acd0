package fabricnet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const source = "github.com/hyperledger/fabric/cmd/"

// programs are what a network is made of.
var programs = []string{"configtxgen", "cryptogen", "orderer", "peer"}

// Programs returns the folder of the programs of Fabric, which it builds as
// tools/fabric/go.mod pins them unless they are in the user's cache folder.
// Of several callers, in other processes too, one builds and the others wait.
func Programs(ctx context.Context) (string, error) {
	module, err := command(ctx, "", "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if module = strings.TrimSpace(module); filepath.Base(module) != "go.mod" {
		return "", errors.New("the working folder is not in a clone of mmaudit, whose tools/fabric/go.mod says what is to be built")
	}
	from := filepath.Join(filepath.Dir(module), "tools", "fabric")
	version := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return "", err
		}
		version.Write(text)
	}
	version.Write([]byte(runtime.Version()))
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "mmaudit")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "fabric-"+hex.EncodeToString(version.Sum(nil))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}

	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	// What a builder that was killed left is in nobody's way.
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	args := []string{
		"build", "-mod=readonly", "-buildvcs=false", "-trimpath",
		// Without it they report the version "latest".
		"-ldflags=-s -w -X github.com/hyperledger/fabric/common/metadata.Version=2.5.0",
		"-o", part + "/",
	}
	for _, p := range programs {
		args = append(args, source+p)
	}
	if err := os.Mkdir(part, 0o755); err != nil {
		return "", err
	}
	if _, err := command(ctx, from, "go", args...); err != nil {
		return "", fmt.Errorf("building the programs of Fabric, for which modules are fetched the first time: %w", err)
	}
	return dir, os.Rename(part, dir)
}

// SDK builds the client of networks older than 2.4 from its own module into a
// folder, and returns its path. What was built before is in the cache of go.
func SDK(ctx context.Context, folder string) (string, error) {
	module, err := command(ctx, "", "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	from := filepath.Join(filepath.Dir(strings.TrimSpace(module)), "ledger", "fabric", "sdk")
	// Another process reads the sources. Looked at here, they count for the cache
	// of test results too.
	sources, err := os.ReadDir(from)
	if err != nil {
		return "", err
	}
	for _, f := range sources {
		if _, err := os.Stat(filepath.Join(from, f.Name())); err != nil {
			return "", err
		}
	}
	path := filepath.Join(folder, "auditlog-fabric-sdk")
	_, err = command(ctx, from, "go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", path, ".")
	return path, err
}

// command runs a program to its end and returns what it wrote to stdout.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	return commandIn(ctx, dir, nil, name, args...)
}

// commandIn is command with further variables of the environment.
func commandIn(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), env)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args[:min(3, len(args))], " "), err, stderr.String())
	}
	return string(out), nil
}
