//go:build unix

package fingerprint

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many links a name may lead through before it counts as a
// circle, as in Linux.
const maxLinks = 40

// escapes reports whether the symbolic link at path, relative to root, leads
// out of root, which is absolute and free of links. What does not exist is
// judged by its name; a circle leads nowhere.
func escapes(root, path, target string) bool {
	at := filepath.Dir(filepath.Join(root, path))
	todo := target
	if filepath.IsAbs(todo) {
		at = "/"
	}
	for links := 0; todo != ""; {
		var elem string
		elem, todo, _ = strings.Cut(todo, "/")
		switch elem {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		at = filepath.Join(at, elem)
		next, err := os.Readlink(at)
		if err != nil {
			continue
		}
		if links++; links > maxLinks {
			return false
		}
		todo = next + "/" + todo
		if at = filepath.Dir(at); filepath.IsAbs(next) {
			at = "/"
		}
	}
	return !within(root, at)
}

// within reports whether path is root or lies below it.
func within(root, path string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(root, "/"))
}
