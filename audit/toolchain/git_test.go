package toolchain

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	do := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "protocol.file.allow=always", "-c", "core.fsmonitor=false", "-C", in}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, repo := range []string{"sub", "repo"} {
		if err := os.Mkdir(filepath.Join(dir, repo), 0o755); err != nil {
			t.Fatal(err)
		}
		do(filepath.Join(dir, repo), "init", "-q", "-b", "main")
		write(repo+"/train.py", "lr = 1\n")
		do(filepath.Join(dir, repo), "add", ".")
		do(filepath.Join(dir, repo), "commit", "-q", "-m", "first")
	}
	repo := filepath.Join(dir, "repo")
	do(repo, "submodule", "--quiet", "add", filepath.Join(dir, "sub"), "third party")
	do(repo, "commit", "-q", "-m", "submodule")
	do(repo, "remote", "add", "origin", "https://user:s3cret@host/team/repo.git")
	// Had the repository a say, it would run this.
	do(repo, "config", "core.fsmonitor", "touch "+filepath.Join(dir, "ran"))
	do(repo, "config", "diff.external", "touch "+filepath.Join(dir, "ran"))

	look := func() Source {
		t.Helper()
		r := capture(t, Options{Root: "/", Dir: repo})
		var s Source
		if !r.Decode("source.git", &s) {
			t.Fatalf("%+v", r.Fields["source.git"])
		}
		if flagged(r, "source-dirty") != s.Dirty {
			t.Errorf("flags %v, dirty %t", r.Flags, s.Dirty)
		}
		return s
	}
	s := look()
	if s.Commit != do(repo, "rev-parse", "HEAD") || s.Branch != "main" || s.Dirty || s.Patch != "" || s.Remote != "https://host/team/repo.git" {
		t.Errorf("%+v", s)
	}
	if len(s.Submodules) != 1 || s.Submodules[0].Path != "third party" || s.Submodules[0].State != "clean" || s.Submodules[0].Commit != do(filepath.Join(dir, "sub"), "rev-parse", "HEAD") {
		t.Errorf("%+v", s.Submodules)
	}

	write("repo/train.py", "lr = 2\n")
	write("repo/new\nfile", "x")
	s = look()
	cmd := exec.Command("git", "-c", "core.fsmonitor=false", "-C", repo, "diff", "HEAD", "--binary", "--no-ext-diff", "--full-index")
	patch, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Dirty || s.Patch != sha3Text(string(patch)) || s.Untracked != 1 || s.Manifest != sha3Text(sha3Text("x"), "  new\nfile\n") {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a command that the repository configures was run")
	}
	do(repo, "checkout", "-q", "--detach", "--force")
	if s = look(); s.Branch != "" {
		t.Errorf("detached: %+v", s)
	}
	// No repository, no commit.
	for _, folder := range []string{t.TempDir(), "/nowhere"} {
		r := capture(t, Options{Root: "/", Dir: folder})
		if f := r.Fields["source.git"]; f.Value != nil || f.Error == "" {
			t.Errorf("%+v", f)
		}
	}
}

// A repository that comes as an archive, or within another, runs nothing: neither
// what would fetch an object that is missing, nor a filter.
func TestGitOfStrangers(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	repo, ran := filepath.Join(dir, "repo"), filepath.Join(dir, "ran")
	do := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org", "-C", repo}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(repo, "train.py"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	do("init", "-q", "-b", "main")
	write("lr = 1\n")
	do("add", ".")
	do("commit", "-q", "-m", "first")
	blob := do("rev-parse", "HEAD:train.py")
	write("lr = 2\n")
	look := func(what, folder string) {
		t.Helper()
		f := capture(t, Options{Root: "/", Dir: folder}).Fields["source.git"]
		if f.Value != nil || f.Error == "" {
			t.Errorf("%s: %+v", what, f)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("%s: a command that the repository configures was run", what)
			os.Remove(ran)
		}
	}

	// A partial clone without the object that the difference needs.
	do("config", "core.repositoryFormatVersion", "1")
	do("config", "extensions.partialClone", "origin")
	do("config", "remote.origin.promisor", "true")
	do("config", "remote.origin.url", dir)
	do("config", "remote.origin.uploadpack", "touch "+ran+" #")
	if err := os.Remove(filepath.Join(repo, ".git/objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	look("partial clone", repo)

	// A repository that is plain files of another.
	do("config", "core.worktree", repo)
	do("config", "filter.x.clean", "touch "+ran+"; cat")
	if err := os.WriteFile(filepath.Join(repo, ".git/info/attributes"), []byte("* filter=x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(dir, "inner")
	if err := os.Rename(filepath.Join(repo, ".git"), inner); err != nil {
		t.Fatal(err)
	}
	look("bare repository", inner)
}

func TestRemoteURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:pw@host/a@b.git": "https://host/a@b.git",
		"https://token@host":           "https://host",
		"https://a@b@host/x":           "https://host/x",
		"git@host:team/repo.git":       "git@host:team/repo.git",
		"/srv/repo.git":                "/srv/repo.git",
	} {
		if got := remoteURL(in); got != want {
			t.Errorf("%s gives %s", in, got)
		}
	}
}

// This machine, whatever it has, gives a valid report.
func TestThisMachine(t *testing.T) {
	r, err := Capture(context.Background(), Options{PID: os.Getpid(), Env: os.Environ(), Argv: os.Args})
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	if _, err := r.JSON(); err != nil {
		t.Fatal(err)
	}
}

// Signatures are seen and not checked: that would run a program that the
// repository names.
func TestGitSignatures(t *testing.T) {
	for _, tool := range []string{"git", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	dir := t.TempDir()
	do := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	git := func(args ...string) {
		t.Helper()
		do("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "gpg.format=ssh", "-c", "user.signingkey=" + filepath.Join(dir, "key.pub"), "-C", "repo"}, args...)...)
	}
	do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key")
	do("git", "init", "-q", "-b", "main", "repo")
	git("commit", "-q", "--allow-empty", "-m", "unsigned\n\ngpgsig -----BEGIN SSH SIGNATURE-----")
	look := func() Source {
		t.Helper()
		var s Source
		if r := capture(t, Options{Root: "/", Dir: filepath.Join(dir, "repo")}); !r.Decode("source.git", &s) {
			t.Fatalf("%+v", r.Fields["source.git"])
		}
		return s
	}
	if s := look(); s.Signature != "" || s.Tags != nil {
		t.Errorf("%+v", s)
	}
	git("tag", "elsewhere")
	git("commit", "-q", "--allow-empty", "-S", "-m", "signed")
	git("tag", "v1")
	git("tag", "-a", "-m", "annotated", "v1.1")
	git("tag", "-s", "-m", "signed", "v2")
	git("config", "gpg.ssh.program", "touch "+filepath.Join(dir, "ran"))
	git("config", "gpg.program", "touch "+filepath.Join(dir, "ran"))
	if s := look(); s.Signature != "ssh" || show(s.Tags) != `[{"name":"v1"},{"name":"v1.1"},{"name":"v2","signature":"ssh"}]` {
		t.Errorf("%q, %s", s.Signature, show(s.Tags))
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a program was run that the repository names")
	}
}

func TestSignatureForms(t *testing.T) {
	const head = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor n <e> 0 +0000\n"
	for text, want := range map[string]string{
		head + "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----\n\nm\n": "openpgp",
		head + "gpgsig -----BEGIN SIGNED MESSAGE-----\n MII\n\nm\n":                                "x509",
		head + "gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n U1\n\nm\n":                           "ssh",
		head + "gpgsig something new\n\nm\n":                                                       "unknown",
		head + "\ngpgsig -----BEGIN PGP SIGNATURE-----\n":                                          "",
	} {
		if got := commitSignature([]byte(text)); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestNoRepository keeps git's own words for why there is nothing to say.
func TestNoRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	f := capture(t, Options{Root: "/", Dir: t.TempDir()}).Fields["source.git"]
	if f.Value != nil || !strings.Contains(f.Error, "not a git repository") {
		t.Errorf("%+v", f)
	}
}
